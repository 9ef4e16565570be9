package openai

import (
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

		{"tool", `{"role": "tool", "tool_call_id": "a", "content": "18"}`,
			chat.Message{Role: chat.RoleTool, ToolCallID: "a", Text: "18"}, nil},
		{"tool in parts", `{"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "18"}]}`,
			chat.Message{Role: chat.RoleTool, ToolCallID: "a", Text: "18"}, nil},
		{"function", `{"role": "function", "name": "f", "content": "18"}`,
			chat.Message{Role: chat.RoleTool, Name: "f", Text: "18"}, nil},
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
				t.Errorf("messages (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.unknown, r.Unknown); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
		})
	}
}

// parts is n text parts.
func parts(n int) string {
	s := `{"type": "text", "text": "p"}`
	for range n - 1 {
		s += `, {"type": "text", "text": "p"}`
	}
	return s
}
