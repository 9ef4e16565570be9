package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/simulator"
	"achuan/internal/simulator/demo"
)

// The demo's simulator understands the prompt of package emulate, although the packages do not import each other.
func TestDemoUsesTools(t *testing.T) {
	sim := demo.New(simulator.Options{Pace: -1, KeepTurns: 100})
	url := serve(t, sim, nil)
	request := func(question, rest string) string {
		return `{"model": "gpt-5.1-high", "tools": [` + weatherTool + `], "messages": [{"role": "user", "content": "` + question + `"}` + rest + `]}`
	}
	for name, question := range map[string]string{
		"at once": "What is the weather in Paris?", "repaired": "Make a wrong call at first: what is the weather in Paris?",
	} {
		before := len(sim.Turns())
		got := send(t, url, request(question, ""))
		if got.status != http.StatusOK || len(got.Choices[0].Message.ToolCalls) != 1 || got.Choices[0].Message.ToolCalls[0].Function.Arguments != `{"city": "Paris"}` {
			t.Fatalf("%s: answer = %d %s, want a call of get_weather", name, got.status, got.body)
		}
		if asked, want := len(sim.Turns())-before, map[string]int{"at once": 1, "repaired": 2}[name]; asked != want {
			t.Errorf("%s: platform got %d questions, want %d", name, asked, want)
		}
		call, err := json.Marshal(map[string]any{"role": "assistant", "content": nil, "tool_calls": []any{map[string]any{
			"id": got.Choices[0].Message.ToolCalls[0].ID, "type": "function",
			"function": map[string]string{"name": "get_weather", "arguments": `{"city": "Paris"}`},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		result := `{"role": "tool", "tool_call_id": "` + got.Choices[0].Message.ToolCalls[0].ID + `", "content": "18 °C and sunny"}`
		got = send(t, url, request(question, ","+string(call)+","+result))
		if got.status != http.StatusOK || got.Choices[0].FinishReason != "stop" || !strings.Contains(*got.Choices[0].Message.Content, "`get_weather`: 18 °C and sunny") {
			t.Errorf("%s: answer to the result = %d %s, want its text", name, got.status, got.body)
		}
	}
}

func TestDemoFollowsChoiceAndFormat(t *testing.T) {
	sim := demo.New(simulator.Options{Pace: -1, KeepTurns: 100})
	url := serve(t, sim, nil)
	const head = `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "Hello Ada"}], `
	for _, tt := range []struct{ name, rest, finish, content string }{
		{"required", `"tool_choice": "required", "tools": [` + weatherTool + `]`, "tool_calls", ""},
		{"named", `"tool_choice": {"type": "function", "function": {"name": "get_weather"}}, "tools": [` + weatherTool + `]`, "tool_calls", ""},
		{"none", `"tool_choice": "none", "tools": [` + weatherTool + `]`, "stop", "simulator"},
		{"object", `"response_format": {"type": "json_object"}`, "stop", `{"answer": "`},
		{"schema", `"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}}}`, "stop", `{"a": 1}`},
	} {
		before := len(sim.Turns())
		got := send(t, url, head+tt.rest+"}")
		if got.status != http.StatusOK || got.Choices[0].FinishReason != tt.finish {
			t.Errorf("%s: answer = %d %s, want 200 with finish reason %s", tt.name, got.status, got.body, tt.finish)
			continue
		}
		if content := got.Choices[0].Message.Content; (content == nil) != (tt.content == "") && !strings.HasPrefix(*content, "Let me use") ||
			content != nil && !strings.Contains(*content, tt.content) {
			t.Errorf("%s: answer = %s, want content with %q", tt.name, got.body, tt.content)
		}
		if asked := len(sim.Turns()) - before; asked != 1 {
			t.Errorf("%s: platform got %d questions, want 1", tt.name, asked)
		}
	}
}
