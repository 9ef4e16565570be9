package openai

import (
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

func TestModelName(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"get_weather", "get_weather"},
		{strings.Repeat("n", 64), strings.Repeat("n", 64)},
		{"fs.read", "fs_read_4074bc02"},
		{"mcp:files/read", "mcp_files_read_251003c8"},
		{strings.Repeat("n", 65), strings.Repeat("n", 55) + "_1e3fb6d5"},
		{"not a name", "not a name"}, // of a call that no tool of ours was asked for
		{strings.Repeat("n", 129), strings.Repeat("n", 129)},
		{"", ""},
	} {
		if got := dialect.ModelName(tt.name); got != tt.want {
			t.Errorf("dialect.ModelName(%q) = %q, want %q", tt.name, got, tt.want)
		}
		if got := dialect.ModelName(dialect.ModelName(tt.name)); got != tt.want {
			t.Errorf("modelName twice(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// The client gets its own names back, whole and streamed, and a later turn reads them
// as the names that the model was told.
func TestAnswersHaveTheClientsToolNames(t *testing.T) {
	for _, tt := range []struct{ name, tools string }{
		{"tools", `"tools": [{"type": "function", "function": {"name": "fs.read"}}]`},
		{"functions", `"functions": [{"name": "fs.read"}]`},
		{"a call of the transcript alone", `"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "fs.read"}}]}, {"role": "tool", "tool_call_id": "a"}]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := decode(t, withParameters(tt.tools))
			events := []chat.Event{
				{Kind: chat.EventToolCall, CallID: "call_1", CallName: "fs_read_4074bc02", Text: "{}"},
				{Kind: chat.EventDone, Finish: chat.FinishTools},
			}
			whole, stream := NewWhole("id", time.Unix(1, 0), r), NewStream("id", time.Unix(1, 0), r)
			var chunks []byte
			for _, ev := range events {
				whole.Add(ev)
				chunks = stream.Append(chunks, ev)
			}
			for form, got := range map[string]string{"whole": string(whole.Append(nil)), "stream": string(chunks)} {
				if !strings.Contains(got, `"name":"fs.read"`) || strings.Contains(got, "fs_read") {
					t.Errorf("%s answer = %s, want the name fs.read alone", form, got)
				}
			}
		})
	}
}
