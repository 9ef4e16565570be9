package openai

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
)

// roleFunction is the role of results before tools had ids. It becomes RoleTool.
const roleFunction = "function"

// maxMessages bounds the memory that messages of a few bytes take. The longest
// transcripts of agents have some thousands.
const maxMessages = 100_000

func (d *decoder) messages(v value) *fault {
	if v.kind() != kindArray {
		return wrongType("an array of messages", v)
	}
	spoken := false
	for i, e := range v.elements() {
		if i == maxMessages {
			return tooMany(maxMessages, "messages")
		}
		m, f := d.message(e, i)
		if f != nil {
			return f.at(i)
		}
		spoken = spoken || !m.Role.Instructs()
		if !d.join(m) {
			d.req.Messages = append(d.req.Messages, m)
		}
	}
	switch {
	case len(d.req.Messages) == 0:
		return &fault{code: chat.CodeInvalidValue, detail: "expected at least one message, but got an empty array"}
	case !spoken:
		return &fault{code: chat.CodeInvalidValue, detail: "expected a message of the user, but got instructions alone"}
	}
	return nil
}

// messageFields are the fields of a message that are read.
type messageFields struct {
	role, content, name, refusal, audio, toolCalls, functionCall, toolCallID value
}

// fields picks the fields out of a message.
func (d *decoder) fields(v value) (m messageFields) {
	for key, v := range v.members() {
		switch string(key) {
		case "role":
			m.role = v
		case "content":
			m.content = v
		case "name":
			m.name = v
		case "refusal":
			m.refusal = v
		case "audio":
			m.audio = v
		case "tool_calls":
			m.toolCalls = v
		case "function_call":
			m.functionCall = v
		case "tool_call_id":
			m.toolCallID = v
		case "reasoning_content", "annotations": // of our own answers, sent back
		default:
			d.unknown("messages[].", key)
		}
	}
	return m
}

func (d *decoder) message(v value, index int) (chat.Message, *fault) {
	var m chat.Message
	if v.kind() != kindObject {
		return m, wrongType("an object", v)
	}
	fields := d.fields(v)
	role, f := readRole(fields.role)
	if f != nil {
		return m, f.in("role")
	}
	m.Role = role
	d.misplaced(role, &fields)
	if !fields.name.absent() {
		if m.Name, f = fields.name.asString(); f != nil {
			return m, f.in("name")
		}
		if role == chat.RoleTool || role == roleFunction {
			m.Name = modelName(m.Name)
		}
	}
	switch role {
	case chat.RoleAssistant:
		f = d.assistant(&m, &fields)
		d.remember(m.ToolCalls)
	case chat.RoleTool:
		f = d.result(&m, &fields)
		d.match(&m, index)
	case roleFunction:
		f = d.functionResult(&m, &fields)
	default:
		f = d.content(fields.content, &m)
	}
	return m, f
}

// misplaced notes the fields that mean something, but not in a message of this
// role, as the unknown keys that they are there.
func (d *decoder) misplaced(role chat.Role, fields *messageFields) {
	note := func(name string, v value, belongs bool) {
		if !belongs && !v.absent() {
			d.unknown("messages[].", []byte(name))
		}
	}
	answer := role == chat.RoleAssistant
	note("refusal", fields.refusal, answer)
	note("audio", fields.audio, answer)
	note("tool_calls", fields.toolCalls, answer)
	note("function_call", fields.functionCall, answer)
	note("tool_call_id", fields.toolCallID, role == chat.RoleTool)
}

func readRole(v value) (chat.Role, *fault) {
	const expected = "one of system, developer, user, assistant, tool"
	if v.absent() {
		return "", missing(expected, v)
	}
	if v.kind() != kindString {
		return "", wrongType("a string", v)
	}
	switch string(v.bytes()) { // constants, so that a role costs no memory
	case "system":
		return chat.RoleSystem, nil
	case "developer":
		return chat.RoleDeveloper, nil
	case "user":
		return chat.RoleUser, nil
	case "assistant":
		return chat.RoleAssistant, nil
	case "tool":
		return chat.RoleTool, nil
	case roleFunction:
		return roleFunction, nil
	default:
		return "", wrongValue(expected, v)
	}
}

// assistant reads an answer of before. It may be empty: clients send that back.
func (d *decoder) assistant(m *chat.Message, fields *messageFields) (f *fault) {
	if !fields.audio.absent() {
		return unsupported("an answer in sound cannot be sent back").in("audio")
	}
	switch {
	case !fields.content.absent():
		f = d.content(fields.content, m)
	case !fields.refusal.absent():
		if m.Text, f = fields.refusal.asString(); f != nil {
			f = f.in("refusal")
		}
	}
	if f == nil && !fields.toolCalls.absent() {
		var calls []chat.ToolCall
		calls, f = d.toolCalls(fields.toolCalls)
		m.ToolCalls = withoutRepeated(m.ToolCalls, calls)
		f = f.in("tool_calls")
	}
	if f == nil && !fields.functionCall.absent() {
		var call chat.ToolCall
		call, f = d.function("messages[].function_call.", fields.functionCall)
		m.ToolCalls = append(m.ToolCalls, call)
		f = f.in("function_call")
	}
	return f
}

// withoutRepeated returns the calls that parts of the content make, as far as
// tool_calls does not make them too, and those of tool_calls: frameworks keep an
// answer in both forms.
func withoutRepeated(parts, calls []chat.ToolCall) []chat.ToolCall {
	if len(parts) == 0 {
		return calls
	}
	made := make(map[string]bool, len(calls))
	for _, c := range calls {
		made[c.ID] = true
	}
	parts = slices.DeleteFunc(parts, func(c chat.ToolCall) bool { return made[c.ID] })
	return append(parts, calls...)
}

// result reads the result of a tool call. A tool that returned nothing has no content.
func (d *decoder) result(m *chat.Message, fields *messageFields) (f *fault) {
	if fields.toolCallID.absent() {
		return missing("a string, the id of the call", fields.toolCallID).in("tool_call_id")
	}
	if m.ToolCallID, f = fields.toolCallID.asString(); f != nil {
		return f.in("tool_call_id")
	}
	if !fields.content.absent() {
		f = d.content(fields.content, m)
	}
	return f
}

// functionResult reads a result of the time before tools had ids: the name of the
// function says which call it belongs to, and null is content.
func (d *decoder) functionResult(m *chat.Message, fields *messageFields) (f *fault) {
	m.Role = chat.RoleTool
	if m.Name == "" {
		return missing("a string, the name of the function", fields.name).in("name")
	}
	if !fields.content.absent() {
		f = d.content(fields.content, m)
	}
	return f
}

// remember keeps the calls that a message made, for their results.
func (d *decoder) remember(calls []chat.ToolCall) {
	for _, call := range calls {
		if d.calls == nil {
			d.calls = map[string]string{}
		}
		d.calls[call.ID] = call.Name
	}
}

// match puts the name of its tool to a result, and notes one of a call that no
// message made.
func (d *decoder) match(m *chat.Message, index int) {
	name, made := d.calls[m.ToolCallID]
	if !made {
		if d.req.Orphan == nil {
			d.req.Orphan = &Orphan{index, m.ToolCallID}
		}
	}
	if m.Name == "" {
		m.Name = name
	}
}

// join reports whether m is the second half of the message before it: there are
// agents that send one answer back as two messages, its text and its calls. They are
// read as the answer that they were, so that its session is found again.
func (d *decoder) join(m chat.Message) bool {
	if len(d.req.Messages) == 0 || m.Role != chat.RoleAssistant || m.Text != "" || len(m.ToolCalls) == 0 {
		return false
	}
	before := &d.req.Messages[len(d.req.Messages)-1]
	if before.Role != chat.RoleAssistant || before.Text == "" || len(before.ToolCalls) > 0 || before.Name != m.Name {
		return false
	}
	before.ToolCalls = m.ToolCalls
	return true
}

// CheckResults refuses a result of a call that no message before it made. It is not
// for requests that name a session by its id: there the call may be in the session.
func (r *ChatRequest) CheckResults() error {
	first := r.Orphan
	if first == nil {
		return nil
	}
	f := &fault{
		code: chat.CodeInvalidValue, path: "tool_call_id",
		detail: "no message before this one makes the call " + strconv.Quote(cut(first.Call, maxShown)),
	}
	return f.at(first.Index).in("messages").public()
}
