package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

func TestDecodeMessages(t *testing.T) {
	call := func(id, name, arguments string) chat.ToolCall {
		return chat.ToolCall{ID: id, Name: name, Arguments: arguments}
	}
	tests := []struct {
		name    string
		give    string // one message; a user message follows it
		want    chat.Message
		unknown []string
	}{
		{"system", `{"role": "system", "content": "be brief"}`,
			chat.Message{Role: chat.RoleSystem, Text: "be brief"}, nil},
		{"developer in parts", `{"role": "developer", "content": [{"type": "text", "text": "be"}, {"type": "text", "text": "brief"}]}`,
			chat.Message{Role: chat.RoleDeveloper, Text: "be\nbrief"}, nil},
		{"user with name", `{"role": "user", "name": "ann", "content": "hi"}`,
			chat.Message{Role: chat.RoleUser, Name: "ann", Text: "hi"}, nil},
		{"null name", `{"role": "user", "name": null, "content": "hi"}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"}, nil},
		{"escaped role and type", `{"role": "us\u0065r", "content": [{"type": "te\u0078t", "text": "hi"}]}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"}, nil},
		{"empty content", `{"role": "user", "content": ""}`, chat.Message{Role: chat.RoleUser}, nil},
		{"no parts", `{"role": "user", "content": []}`, chat.Message{Role: chat.RoleUser}, nil},
		{"one part", `{"role": "user", "content": [{"text": "hi", "type": "text"}]}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"}, nil},
		{"many parts", `{"role": "user", "content": [` + parts(12) + `]}`,
			chat.Message{Role: chat.RoleUser, Text: "p\np\np\np\np\np\np\np\np\np\np\np"}, nil},
		{"escapes", `{"role": "user", "content": "a\"\\\/\b\f\n\r\t\u00E9\u4f60\ud83d\ude00\ud83dz\ude00\u0000"}`,
			chat.Message{Role: chat.RoleUser, Text: "a\"\\/\b\f\n\r\té你😀\ufffdz\ufffd\x00"}, nil},
		{"last content counts", `{"role": "user", "content": 5, "content": "hi"}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"}, nil},

		{"assistant", `{"role": "assistant", "content": "Hello", "refusal": null, "annotations": [], "audio": null, "reasoning_content": "hm", "tool_calls": null, "function_call": null}`,
			chat.Message{Role: chat.RoleAssistant, Text: "Hello"}, nil},
		{"empty assistant", `{"role": "assistant"}`, chat.Message{Role: chat.RoleAssistant}, nil},
		{"assistant with null and no calls", `{"role": "assistant", "content": null, "tool_calls": []}`,
			chat.Message{Role: chat.RoleAssistant}, nil},
		{"refusal", `{"role": "assistant", "content": null, "refusal": "no"}`,
			chat.Message{Role: chat.RoleAssistant, Text: "no"}, nil},
		{"refusal part", `{"role": "assistant", "content": [{"type": "text", "text": "Sorry."}, {"type": "refusal", "refusal": "no"}]}`,
			chat.Message{Role: chat.RoleAssistant, Text: "Sorry.\nno"}, nil},
		{"tool calls", `{"role": "assistant", "content": null, "tool_calls": [
			{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
			{"id": "b", "function": {"name": "g", "arguments": {"y": [1, "}"]}}},
			{"id": "c", "type": "function", "function": {"name": "h"}}]}`,
			chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{
				call("a", "f", `{"x": 1}`), call("b", "g", `{"y": [1, "}"]}`), call("c", "h", ""),
			}}, nil},
		{"function call", `{"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}}`,
			chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{call("", "f", "{}")}}, nil},

		{"Responses' parts of an answer", `{"role": "assistant", "content": [{"type": "reasoning", "summary": []}, {"type": "output_text", "text": "Hello", "annotations": []}]}`,
			chat.Message{Role: chat.RoleAssistant, Text: "Hello"}, nil},
		{"Messages' parts of an answer", `{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "x"},
			{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": 1}}, {"type": "tool_use", "id": "toolu_2", "name": "g", "input": []}]}`,
			chat.Message{Role: chat.RoleAssistant, Text: "I look.", ToolCalls: []chat.ToolCall{call("toolu_1", "f", `{"x": 1}`), call("toolu_2", "g", "{}")}}, nil},
		{"only reasoning", `{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}]}`, chat.Message{Role: chat.RoleAssistant}, nil},
		{"a call in both forms, as LangChain keeps it", `{"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "a", "name": "f", "input": {}}, {"type": "tool_use", "id": "b", "name": "g"}],
			"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}`,
			chat.Message{Role: chat.RoleAssistant, Text: "I look.", ToolCalls: []chat.ToolCall{call("b", "g", ""), call("a", "f", "{}")}}, nil},
		{"a call of a tool with dots", `{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "fs.read", "arguments": []}}]}`,
			chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{call("a", "fs_read_4074bc02", "{}")}}, nil},
		{"Responses' parts of a user", `{"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "text", "text": "b"}]}`,
			chat.Message{Role: chat.RoleUser, Text: "a\nb"}, nil},

		{"tool with null", `{"role": "tool", "tool_call_id": "a", "content": null}`, chat.Message{Role: chat.RoleTool, ToolCallID: "a"}, nil},
		{"tool without content", `{"role": "tool", "tool_call_id": "a"}`, chat.Message{Role: chat.RoleTool, ToolCallID: "a"}, nil},
		{"tool with name", `{"role": "tool", "tool_call_id": "a", "name": "fs.read", "content": "18"}`,
			chat.Message{Role: chat.RoleTool, ToolCallID: "a", Name: "fs_read_4074bc02", Text: "18"}, nil},
		{"tool", `{"role": "tool", "tool_call_id": "a", "content": "18"}`,
			chat.Message{Role: chat.RoleTool, ToolCallID: "a", Text: "18"}, nil},
		{"tool in parts", `{"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "18"}]}`,
			chat.Message{Role: chat.RoleTool, ToolCallID: "a", Text: "18"}, nil},
		{"function", `{"role": "function", "name": "f", "content": "18"}`,
			chat.Message{Role: chat.RoleTool, Name: "f", Text: "18"}, nil},
		{"function without content", `{"role": "function", "name": "fs.read"}`, chat.Message{Role: chat.RoleTool, Name: "fs_read_4074bc02"}, nil},
		{"function with null", `{"role": "function", "name": "f", "content": null}`,
			chat.Message{Role: chat.RoleTool, Name: "f"}, nil},

		{"unknown fields", `{"role": "user", "foo": {"role": "tool"}, "foo": 1, "content": [{"type": "text", "text": "hi", "cache_control": {}}]}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"}, []string{"messages[].foo", "messages[].content[].cache_control"}},
		{"unknown fields of calls", `{"role": "assistant", "tool_calls": [{"id": "a", "index": 0, "function": {"name": "f", "arguments": "{}", "strict": true}}]}`,
			chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{call("a", "f", "{}")}},
			[]string{"messages[].tool_calls[].index", "messages[].tool_calls[].function.strict"}},
		{"fields of other roles", `{"role": "user", "content": "hi", "tool_calls": [5], "tool_call_id": 5, "function_call": 5, "refusal": 5, "audio": 5}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"},
			[]string{"messages[].refusal", "messages[].audio", "messages[].tool_calls", "messages[].function_call", "messages[].tool_call_id"}},
		{"null fields of other roles", `{"role": "user", "content": "hi", "tool_calls": null, "tool_call_id": null, "function_call": null, "refusal": null, "audio": null}`,
			chat.Message{Role: chat.RoleUser, Text: "hi"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := decode(t, `{"model": "m", "messages": [`+tt.give+`, {"role": "user", "content": "next"}]}`)
			want := []chat.Message{tt.want, {Role: chat.RoleUser, Text: "next"}}
			if diff := cmp.Diff(want, r.Messages); diff != "" {
				t.Errorf("DecodeChat messages (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.unknown, r.Unknown); diff != "" {
				t.Errorf("DecodeChat unknown keys (-want +got):\n%s", diff)
			}
		})
	}
}

// Lists have bounds, so that entries of a few bytes cannot fill the memory.
func TestMessageBounds(t *testing.T) {
	repeated := func(n int, entry string) string { return strings.Repeat(entry+",", n-1) + entry }
	request := func(messages string) string { return `{"model": "m", "messages": [` + messages + `]}` }
	answer := func(field string) string {
		return request(`{"role": "user", "content": "hi"}, {"role": "assistant", ` + field + `}`)
	}
	const message, call = `{"role": "user", "content": "x"}`, `{"id": "a", "function": {"name": "f"}}`
	const use = `{"type": "tool_use", "name": "f"}`
	for _, tt := range []struct{ name, fits, not, param string }{
		{"messages", request(repeated(maxMessages, message)), request(repeated(maxMessages+1, message)), "messages"},
		{"calls", answer(`"tool_calls": [` + repeated(maxCalls, call) + `]`), answer(`"tool_calls": [` + repeated(maxCalls+1, call) + `]`), "messages[1].tool_calls"},
		{"parts", answer(`"content": [` + repeated(maxCalls, use) + `]`), answer(`"content": [` + repeated(maxCalls+1, use) + `]`), "messages[1].content[1000]"},
	} {
		decode(t, tt.fits)
		_, err := DecodeChat([]byte(tt.not))
		if e := chat.AsError(err); err == nil || e.Code != chat.CodeInvalidValue || e.Param != tt.param {
			t.Errorf("%s: DecodeChat of one more = %v, want an invalid %s", tt.name, err, tt.param)
		}
	}
}

// parts returns n text parts.
func parts(n int) string {
	s := `{"type": "text", "text": "p"}`
	for range n - 1 {
		s += `, {"type": "text", "text": "p"}`
	}
	return s
}
