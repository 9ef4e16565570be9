package openai

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// roleFunction is the role of tool results in the older API, in which calls had no ids.
// It becomes RoleTool.
const roleFunction = "function"

// maxMessages bounds the memory that messages of a few bytes take. The longest
// transcripts of agents have some thousands of messages.
const maxMessages = 100_000

func (d *decoder) messages(v jsonval.Value) *jsonval.Fault {
	list := jsonval.List{Expected: "an array of messages", Max: maxMessages, Elements: "messages"}
	hasQuestion := false
	f := v.ReadElements(list, func(i int, e jsonval.Value) *jsonval.Fault {
		m, f := d.message(e, i)
		hasQuestion = hasQuestion || !m.Role.Instructs()
		for j := range m.Files {
			m.Files[j].Source.Path = "messages[" + strconv.Itoa(i) + "].content" + m.Files[j].Source.Path
			d.req.HasFiles = true
		}
		if f == nil && !d.mergeCalls(m) {
			d.req.Messages = append(d.req.Messages, m)
		}
		return f
	})
	switch {
	case f != nil:
		return f
	case len(d.req.Messages) == 0:
		return jsonval.Invalid("expected at least one message, but got an empty array")
	case !hasQuestion:
		return jsonval.Invalid("expected a message of the user, but got instructions alone")
	}
	return nil
}

// messageFields are the fields of a message whose meaning depends on its role.
type messageFields struct {
	name, content, refusal, audio, toolCalls, functionCall, toolCallID jsonval.Value
}

func (d *decoder) message(v jsonval.Value, index int) (m chat.Message, f *jsonval.Fault) {
	var fields messageFields
	f = v.ReadFields(&d.Unknown, "messages[].",
		jsonval.Field{Name: "role", Required: expectedRole, Read: func(v jsonval.Value) *jsonval.Fault { return readRole(v, &m.Role) }},
		jsonval.Field{Name: "name", Value: &fields.name, Text: &m.Name},
		jsonval.Field{Name: "content", Value: &fields.content},
		jsonval.Field{Name: "refusal", Value: &fields.refusal},
		jsonval.Field{Name: "audio", Value: &fields.audio},
		jsonval.Field{Name: "tool_calls", Value: &fields.toolCalls},
		jsonval.Field{Name: "function_call", Value: &fields.functionCall},
		jsonval.Field{Name: "tool_call_id", Value: &fields.toolCallID},
		// Fields of this server's answers that a client sends back.
		jsonval.Field{Name: "reasoning_content"}, jsonval.Field{Name: "annotations"})
	if f != nil {
		return m, f
	}
	d.addMisplaced(m.Role, &fields)
	if m.Role == chat.RoleTool || m.Role == roleFunction {
		m.Name = dialect.ModelName(m.Name)
	}
	switch m.Role {
	case chat.RoleAssistant:
		f = d.assistant(&m, &fields)
		d.RecordCalls(m.ToolCalls)
	case chat.RoleTool:
		f = d.result(&m, &fields)
		d.MatchResult(&m, func() string { return "messages[" + strconv.Itoa(index) + "].tool_call_id" })
	case roleFunction:
		f = d.functionResult(&m, &fields)
	default:
		f = d.content(fields.content, &m)
	}
	return m, f
}

// addMisplaced adds the known fields that have no meaning in a message of this role to
// the unknown keys.
func (d *decoder) addMisplaced(role chat.Role, fields *messageFields) {
	add := func(name string, v jsonval.Value, belongs bool) {
		if !belongs && !v.IsAbsent() {
			d.Unknown.Add("messages[].", []byte(name))
		}
	}
	isAnswer := role == chat.RoleAssistant
	add("refusal", fields.refusal, isAnswer)
	add("audio", fields.audio, isAnswer)
	add("tool_calls", fields.toolCalls, isAnswer)
	add("function_call", fields.functionCall, isAnswer)
	add("tool_call_id", fields.toolCallID, role == chat.RoleTool)
}

const expectedRole = "one of system, developer, user, assistant, tool"

func readRole(v jsonval.Value, role *chat.Role) *jsonval.Fault {
	if v.Kind() != jsonval.String {
		return jsonval.WrongType("a string", v)
	}
	switch string(v.Bytes()) { // constants, so that a role needs no memory
	case "system":
		*role = chat.RoleSystem
	case "developer":
		*role = chat.RoleDeveloper
	case "user":
		*role = chat.RoleUser
	case "assistant":
		*role = chat.RoleAssistant
	case "tool":
		*role = chat.RoleTool
	case roleFunction:
		*role = roleFunction
	default:
		return jsonval.WrongValue(expectedRole, v)
	}
	return nil
}

// assistant reads an earlier answer. It may be empty, because clients send empty answers
// back.
func (d *decoder) assistant(m *chat.Message, fields *messageFields) (f *jsonval.Fault) {
	if !fields.audio.IsAbsent() {
		return jsonval.Unsupported("an answer in sound cannot be sent back").In("audio")
	}
	switch {
	case !fields.content.IsAbsent():
		f = d.content(fields.content, m)
	case !fields.refusal.IsAbsent():
		m.Text, f = fields.refusal.AsString()
		f = f.In("refusal")
	}
	if f == nil && !fields.toolCalls.IsAbsent() {
		var calls []chat.ToolCall
		calls, f = d.toolCalls(fields.toolCalls)
		m.ToolCalls = mergeRepeatedCalls(m.ToolCalls, calls)
		f = f.In("tool_calls")
	}
	if f == nil && !fields.functionCall.IsAbsent() {
		var call chat.ToolCall
		call, f = d.function("messages[].function_call.", fields.functionCall)
		m.ToolCalls = append(m.ToolCalls, call)
		f = f.In("function_call")
	}
	return f
}

// mergeRepeatedCalls returns the calls of the content parts that tool_calls does not
// repeat, followed by those of tool_calls. Frameworks keep an answer in both forms.
func mergeRepeatedCalls(parts, calls []chat.ToolCall) []chat.ToolCall {
	if len(parts) == 0 {
		return calls
	}
	isRepeated := make(map[string]bool, len(calls))
	for _, c := range calls {
		isRepeated[c.ID] = true
	}
	parts = slices.DeleteFunc(parts, func(c chat.ToolCall) bool { return isRepeated[c.ID] })
	return append(parts, calls...)
}

// result reads the result of a tool call. The result of a tool that returned nothing has
// no content.
func (d *decoder) result(m *chat.Message, fields *messageFields) (f *jsonval.Fault) {
	if fields.toolCallID.IsAbsent() {
		return jsonval.Missing("a string, the id of the call", fields.toolCallID).In("tool_call_id")
	}
	if m.ToolCallID, f = fields.toolCallID.AsString(); f != nil {
		return f.In("tool_call_id")
	}
	return d.resultContent(m, fields)
}

// functionResult reads a result of the older API. It has no call id: the name of the
// function says to which call it belongs.
func (d *decoder) functionResult(m *chat.Message, fields *messageFields) (f *jsonval.Fault) {
	m.Role = chat.RoleTool
	if m.Name == "" {
		return jsonval.Missing(expectedFunctionName, fields.name).In("name")
	}
	return d.resultContent(m, fields)
}

func (d *decoder) resultContent(m *chat.Message, fields *messageFields) *jsonval.Fault {
	if fields.content.IsAbsent() {
		return nil
	}
	return d.content(fields.content, m)
}

// mergeCalls adds the calls of m to the message before it, if m is the second half of
// that message, and reports whether it is. Some agents send one answer back as two
// messages, its text and its calls. Merged, they are the answer that the session has.
func (d *decoder) mergeCalls(m chat.Message) bool {
	if len(d.req.Messages) == 0 || m.Role != chat.RoleAssistant || m.Text != "" || len(m.ToolCalls) == 0 {
		return false
	}
	last := &d.req.Messages[len(d.req.Messages)-1]
	if last.Role != chat.RoleAssistant || last.Text == "" || len(last.ToolCalls) > 0 || last.Name != m.Name {
		return false
	}
	last.ToolCalls = m.ToolCalls
	return true
}
