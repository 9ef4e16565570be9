package app_test

import (
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// An agent continues in one session in whatever form its client sends the call back. The answers here are the forms in
// which clients store the first reply. ID is replaced by the call's id.
func TestToolLoopContinues(t *testing.T) {
	const (
		tools  = `"tools": [` + weatherTool + `]`
		legacy = `"functions": [{"name": "get_weather", "parameters": {"type": "object"}}]`
		result = `{"role": "tool", "tool_call_id": "ID", "content": "18"}`
	)
	for _, tt := range []struct{ name, text, offer, answer, result string }{
		{"as it came", "Let me look.\n", tools, `{"role": "assistant", "content": "Let me look.\n", "tool_calls": [{"id": "ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 1.50}"}}], "refusal": null, "annotations": []}`, result},
		{"text cut at its ends", "Let me look.\n", tools, `{"role": "assistant", "content": [{"type": "text", "text": "Let me look."}], "tool_calls": [{"id": "ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 1.50}"}}]}`, result},
		{"arguments with other spaces", "", tools, `{"role": "assistant", "content": null, "tool_calls": [{"id": "ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"P\\u0061ris\",\n\"days\":1.50}"}}]}`, result},
		{"arguments as an object", "", tools, `{"role": "assistant", "tool_calls": [{"id": "ID", "function": {"name": "get_weather", "arguments": {"city": "Paris", "days": 1.50}}}]}`, result},
		{"no content, more fields", "", tools, `{"role": "assistant", "content": "", "audio": null, "function_call": null, "parsed": null, "tool_calls": [{"index": 0, "id": "ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 1.50}", "parsed_arguments": {"city": "Paris"}}}]}`, result},
		{"a named result in parts", "", tools, `{"role": "assistant", "content": null, "tool_calls": [{"id": "ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 1.50}"}}]}`,
			`{"role": "tool", "name": "get_weather", "tool_call_id": "ID", "content": [{"type": "text", "text": "18"}]}`},
		{"functions", "", legacy, `{"role": "assistant", "content": null, "function_call": {"name": "get_weather", "arguments": "{\"city\": \"Paris\", \"days\": 1.50}"}}`,
			`{"role": "function", "name": "get_weather", "content": "18"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.Script(simulator.Say(tt.text+`<tool_call>{"name": "get_weather", "arguments": {"city": "Paris", "days": 1.50}}</tool_call>`), simulator.Say("It is 18 °C."))
			const user = `{"role": "user", "content": "Weather in Paris?"}`
			first := send(t, url, `{"model": "gpt-5.1-high", `+tt.offer+`, "messages": [`+user+`]}`)
			id := ""
			if calls := first.Choices[0].Message.ToolCalls; len(calls) == 1 {
				id = calls[0].ID
			}
			second := send(t, url, `{"model": "gpt-5.1-high", `+tt.offer+`, "messages": [`+strings.ReplaceAll(user+", "+tt.answer+", "+tt.result, "ID", id)+`]}`)
			if got := second.header.Get("X-Achuan-Placement"); got != "continued" {
				t.Errorf("placement = %q after %s, want continued: %s", got, first.body, second.body)
			}
			if turns := sim.Turns(); len(turns) != 2 || turns[0].SessionID != turns[1].SessionID || !strings.Contains(turns[1].Text, "18") {
				t.Errorf("turns on the platform = %+v, want two in one session", turns)
			}
		})
	}
}
