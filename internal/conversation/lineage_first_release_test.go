package conversation

import (
	"encoding/hex"
	"testing"

	"achuan/internal/chat"
)

// The hash was computed by the first release.
func TestHeadOfFirstRelease(t *testing.T) {
	h := headOfFirstRelease("c", "h", NameKey{Name: "n", Model: "m"}, []chat.Message{
		{Role: chat.RoleUser, Name: "ada", Text: " a\r\nb "},
		{Role: chat.RoleAssistant, Name: "agent", Text: "<think>x</think>y", ToolCalls: []chat.ToolCall{
			{ID: "call_1", Name: "f", Arguments: `{"b": [1.50, "\u00e9\ud800", true], "a": "x"}`}, {ID: "call_2", Name: "g", Arguments: `{`},
		}},
		{Role: chat.RoleTool, Name: "f", ToolCallID: "call_1", Text: "18"},
	})
	const want = "5ee62bf8031c543e146144c27ad41c90b70c8f0254028e9be6f698972b7a9a6d"
	if got := hex.EncodeToString(h[:]); got != want {
		t.Errorf("headOfFirstRelease(…) = %s, want %s", got, want)
	}
}
