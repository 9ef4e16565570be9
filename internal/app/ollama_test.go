package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// Ollama's clients lose the ids of calls and send results in any order. Their conversations continue all the same.
func TestOllamaContinues(t *testing.T) {
	const (
		calls   = `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call><tool_call>{"name": "get_time", "arguments": {"city": "Paris"}}</tool_call>`
		offer   = `"model": "gpt-5.1-high:latest", "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}, {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}]`
		user    = `{"role": "user", "content": "Weather and time in Paris?"}`
		called  = `{"role": "assistant", "content": "I look.", "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}, {"function": {"name": "get_time", "arguments": {"city": "Paris"}}}]}`
		results = `{"role": "tool", "tool_name": "get_time", "content": "noon"}, {"role": "tool", "tool_name": "get_weather", "content": "18"}`
		thanks  = `{"role": "assistant", "content": "18, noon."}, {"role": "user", "content": "Thanks"}`
	)
	for _, streamed := range []bool{true, false} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		for i, step := range []struct{ messages, answer, want string }{
			{user, "I look.\n" + calls, `"name":"get_time"`},
			{user + ", " + called + ", " + results, "18, noon.", `"done_reason":"stop"`},
			{user + ", " + called + ", " + results + ", " + thanks, "Bye.", `"done":true`},
		} {
			sim.Script(simulator.Say(step.answer))
			body := fmt.Sprintf(`{%s, "stream": %v, "messages": [%s]}`, offer, streamed, step.messages)
			res, reply := exchange(t, http.MethodPost, url+"/api/chat", body)
			if res.StatusCode != http.StatusOK || !strings.Contains(reply, step.want) {
				t.Fatalf("step %d = %s %s, want %s", i, res.Status, reply, step.want)
			}
			placement := res.Header.Get("X-Achuan-Placement")
			if want := map[bool]string{true: "new", false: "continued"}[i == 0]; placement != want {
				t.Errorf("placement of step %d = %q, want %q", i, placement, want)
			}
		}
		if turns := sim.Turns(); len(turns) != 3 || turns[0].SessionID != turns[2].SessionID {
			t.Errorf("turns on the platform = %+v, want 3 in one session", turns)
		}
	}
}

func TestOllamaModels(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/tags", ``, 200, `"name":"gpt-5.1-high"`},
		{"GET", "/api/version", ``, 200, `"version":"0.`},
		{"GET", "/api/ps", ``, 200, `{"models":[]}`},
		{"POST", "/api/show", `{"model": "gpt-5.1-high:latest"}`, 200, `"capabilities":["completion","tools"`},
		{"POST", "/api/show", `{"name": "wat"}`, 404, `{"error":"`},
		{"POST", "/api/chat", `{"model": "gpt-5.1-high"}`, 200, `"done_reason":"load"`},
		{"POST", "/api/chat", `{"model": "wat", "messages": [{"role": "user", "content": "hi"}]}`, 404, `{"error":"`},
		{"POST", "/api/generate", `{"model": "gpt-5.1-high", "prompt": "hi", "stream": false}`, 200, `"response":"`},
		{"POST", "/api/pull", `{}`, 404, `{"error":"`},
		{"GET", "/api/chat", ``, 405, `{"error":"`},
	} {
		res, body := exchange(t, tt.method, url+tt.path, tt.body)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s = %s %s, want %d with %s", tt.method, tt.path, tt.body, res.Status, body, tt.status, tt.want)
		}
	}
	if turns := sim.Turns(); len(turns) != 1 {
		t.Errorf("questions = %d, want the one of generate", len(turns))
	}
}
