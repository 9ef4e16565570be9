package anthropic

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

const (
	// maxMessages bounds the memory that messages of a few bytes take. The longest transcripts of
	// agents have some thousands of messages.
	maxMessages = 100_000
	// maxCalls is the number of calls that one message may have.
	maxCalls = 1000
)

// callPrefix begins the ids of calls that clients of this dialect get.
const callPrefix = "toolu_"

func (d *decoder) readMessages(v jsonval.Value) *jsonval.Fault {
	list := jsonval.List{Expected: "an array of messages", Max: maxMessages, Elements: "messages"}
	f := v.ReadElements(list, d.message)
	if f == nil && len(d.messages) == 0 {
		f = jsonval.Invalid("expected at least one message, but got an empty array")
	}
	return f
}

// message reads a message, which may become several: the results of calls in it are messages of their own.
func (d *decoder) message(index int, v jsonval.Value) *jsonval.Fault {
	var role chat.Role
	var content jsonval.Value
	f := v.ReadFields(&d.Unknown, "messages[].",
		jsonval.Field{Name: "role", Required: expectedRole, Read: func(v jsonval.Value) *jsonval.Fault { return readRole(v, &role) }},
		jsonval.Field{Name: "content", Required: expectedContent, Value: &content},
		// Fields of an answer that is sent back as it came.
		jsonval.Field{Name: "id"}, jsonval.Field{Name: "type"}, jsonval.Field{Name: "model"},
		jsonval.Field{Name: "stop_reason"}, jsonval.Field{Name: "stop_sequence"}, jsonval.Field{Name: "usage"})
	if f != nil {
		return f
	}
	m := message{decoder: d, role: role, path: "messages[" + strconv.Itoa(index) + "].content"}
	if role != chat.RoleAssistant {
		m.parts.Separator = "\n"
	}
	if f := m.read(content); f != nil {
		return f.In("content")
	}
	d.RecordCalls(m.calls)
	d.messages = append(d.messages, m.results...)
	if m.parts.IsEmpty() && len(m.results) > 0 {
		return nil
	}
	d.messages = append(d.messages, chat.Message{
		Role: role, Text: m.parts.Text(), Files: m.parts.Files, ToolCalls: m.calls,
	})
	return nil
}

const (
	expectedRole    = "one of user, assistant, system"
	expectedContent = "a string or an array of content blocks"
)

func readRole(v jsonval.Value, role *chat.Role) *jsonval.Fault {
	if v.Kind() != jsonval.String {
		return jsonval.WrongType("a string", v)
	}
	switch string(v.Bytes()) {
	case "user":
		*role = chat.RoleUser
	case "assistant":
		*role = chat.RoleAssistant
	case "system":
		*role = chat.RoleSystem
	default:
		return jsonval.WrongValue(expectedRole, v)
	}
	return nil
}

// message is a message that is being read.
type message struct {
	*decoder
	role    chat.Role
	path    string // of the content
	parts   dialect.Parts
	calls   []chat.ToolCall
	results []chat.Message
}

func (m *message) read(content jsonval.Value) *jsonval.Fault {
	switch content.Kind() {
	case jsonval.String:
		m.parts.AddText(content.Text())
		return nil
	case jsonval.Array:
	default:
		return jsonval.WrongType(expectedContent, content)
	}
	for i, e := range content.Elements() {
		if f := m.block(e, "["+strconv.Itoa(i)+"]"); f != nil {
			return f.At(i)
		}
	}
	return nil
}

// block reads a block at that path, which begins at the content.
func (m *message) block(v jsonval.Value, at string) *jsonval.Fault {
	if f := v.CheckObject("a content block, an object"); f != nil {
		return f
	}
	typ := v.Member("type")
	if typ.Kind() != jsonval.String {
		return jsonval.Missing("the type of the block", typ).In("type")
	}
	isAnswer := m.role == chat.RoleAssistant
	switch kind := string(typ.Bytes()); {
	case kind == "text":
		return m.text(v)
	case kind == "thinking" || kind == "redacted_thinking":
		return nil // reasoning is not sent to the model again
	case m.role.Instructs():
		return jsonval.WrongValue(`"text"`, typ).In("type")
	case kind == "image" || kind == "document":
		return m.file(v, kind, at)
	case kind == "tool_use" && isAnswer:
		return m.call(v)
	case kind == "tool_result" && !isAnswer:
		return m.result(v, at)
	case slices.Contains(foreignBlocks, kind):
		m.parts.AddText("[" + kind + ": " + string(v) + "]")
		return nil
	}
	return jsonval.WrongValue("a type that messages of the "+string(m.role)+" have, such as text", typ).In("type")
}

// foreignBlocks are the types of blocks that Anthropic's own servers make. A transcript that began there
// contains them. The model reads them as JSON.
var foreignBlocks = []string{
	"server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
	"bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
	"mcp_tool_use", "mcp_tool_result", "search_result", "container_upload",
}

func (m *message) text(v jsonval.Value) *jsonval.Fault {
	text, f := m.textBlock(v, "messages[].content[].")
	if f == nil {
		m.parts.AddText(text)
	}
	return f
}

func (m *message) call(v jsonval.Value) *jsonval.Fault {
	if len(m.calls) == maxCalls {
		return jsonval.TooMany(maxCalls, "calls")
	}
	call := chat.ToolCall{Arguments: "{}"}
	readInput := func(v jsonval.Value) *jsonval.Fault {
		input, f := v.AsObject()
		if f == nil {
			call.Arguments = string(input)
		}
		return f
	}
	f := v.ReadFields(&m.Unknown, "messages[].content[].",
		jsonval.Field{Name: "id", Required: "a string", Text: &call.ID},
		jsonval.Field{Name: "name", Required: "a string, the name of the tool", Text: &call.Name},
		jsonval.Field{Name: "input", Read: readInput},
		jsonval.Field{Name: "type"}, jsonval.Field{Name: "cache_control"}, jsonval.Field{Name: "caller"})
	call.ID, call.Name = dialect.ModelCallID(callPrefix, call.ID), m.ModelName(call.Name)
	m.calls = append(m.calls, call)
	return f
}

// result reads the result of a call, which becomes a message of its own.
func (m *message) result(v jsonval.Value, at string) *jsonval.Fault {
	result := chat.Message{Role: chat.RoleTool}
	var id string
	var content jsonval.Value
	f := v.ReadFields(&m.Unknown, "messages[].content[].",
		jsonval.Field{Name: "tool_use_id", Required: "a string, the id of the call", Text: &id},
		jsonval.Field{Name: "content", Value: &content},
		jsonval.Field{Name: "is_error", Bool: &result.IsError},
		jsonval.Field{Name: "type"}, jsonval.Field{Name: "cache_control"})
	if f != nil {
		return f
	}
	result.ToolCallID = dialect.ModelCallID(callPrefix, id)
	m.MatchResult(&result, func() string { return m.path + at + ".tool_use_id" })
	if !content.IsAbsent() {
		inner := message{decoder: m.decoder, role: chat.RoleUser, path: m.path + at + ".content", parts: dialect.Parts{Separator: "\n"}}
		if f := inner.read(content); f != nil {
			return f.In("content")
		}
		if len(inner.results) > 0 {
			return jsonval.Invalid("a result cannot contain another result").In("content")
		}
		result.Text, result.Files = inner.parts.Text(), inner.parts.Files
	}
	m.results = append(m.results, result)
	return nil
}
