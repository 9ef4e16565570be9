package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// chatStep is one request of a conversation in some dialect.
type chatStep struct {
	path, body string
	answer     string // of the platform
	want       string // in the reply
}

// A conversation may change its dialect at every turn and stays in one session: texts, calls and results are the
// same in all of them. ID is replaced by the digits of the call's id, which follow its prefix.
func TestOneConversationInSeveralDialects(t *testing.T) {
	const (
		call       = `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>`
		user       = `{"role": "user", "content": "Weather in Paris?"}`
		chatOffer  = `"tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]`
		blockOffer = `"tools": [{"name": "get_weather", "input_schema": {"type": "object"}}]`
		chatCall   = `{"role": "assistant", "content": "I look.", "tool_calls": [{"id": "call_ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}}]}, {"role": "tool", "tool_call_id": "call_ID", "content": "18"}`
		blockCall  = `{"role": "assistant", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_ID", "name": "get_weather", "input": {"city": "Paris"}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_ID", "content": [{"type": "text", "text": "18"}]}]}`
		flatOffer  = `"tools": [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]`
		itemCall   = `{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}, {"type": "function_call", "call_id": "call_ID", "name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}, {"type": "function_call_output", "call_id": "call_ID", "output": "18"}`
		part       = `{"role": "user", "parts": [{"text": "Weather in Paris?"}]}`
		partOffer  = `"tools": [{"functionDeclarations": [{"name": "get_weather", "parameters": {"type": "OBJECT"}}]}]`
		partCall   = `{"role": "model", "parts": [{"text": "I look."}, {"functionCall": {"id": "call_ID", "name": "get_weather", "args": {"city": "Paris"}}}]}, {"role": "user", "parts": [{"functionResponse": {"id": "call_ID", "name": "get_weather", "response": {"output": "18"}}}]}`
		more       = `, {"role": "assistant", "content": "18 degrees."}, {"role": "user", "content": "Thanks"}`
	)
	chat := func(messages, answer, want string) chatStep {
		return chatStep{"/v1/chat/completions", `{"model": "gpt-5.1-high", ` + chatOffer + `, "messages": [` + messages + `]}`, answer, want}
	}
	messages := func(messages, answer, want string) chatStep {
		return chatStep{"/v1/messages", `{"model": "gpt-5.1-high", "max_tokens": 1000, ` + blockOffer + `, "messages": [` + messages + `]}`, answer, want}
	}
	responses := func(input, answer, want string) chatStep {
		return chatStep{"/v1/responses", `{"model": "gpt-5.1-high", ` + flatOffer + `, "input": [` + input + `]}`, answer, want}
	}
	gemini := func(contents, answer, want string) chatStep {
		return chatStep{"/v1beta/models/gpt-5.1-high:generateContent", `{` + partOffer + `, "contents": [` + contents + `]}`, answer, want}
	}
	for name, steps := range map[string][]chatStep{
		"Messages, Responses, Responses": {
			messages(user, "I look.\n"+call, `"stop_reason":"tool_use"`),
			responses(user+", "+itemCall, "18 degrees.", `"status":"completed"`),
			responses(user+", "+itemCall+more, "Bye.", `"status":"completed"`),
		},
		"Gemini, Responses, Gemini": {
			gemini(part, "I look.\n"+call, `"finishReason":"STOP"`),
			responses(user+", "+itemCall, "18 degrees.", `"status":"completed"`),
			gemini(part+", "+partCall+`, {"role": "model", "parts": [{"text": "18 "}]}, {"role": "model", "parts": [{"text": "degrees."}]}, {"role": "user", "parts": [{"text": "Thanks"}]}`,
				"Bye.", `"finishReason":"STOP"`),
		},
		"Responses, Messages, Chat Completions": {
			responses(user, "I look.\n"+call, `"status":"completed"`),
			messages(user+", "+blockCall, "18 degrees.", `"stop_reason":"end_turn"`),
			chat(user+", "+chatCall+more, "Bye.", `"finish_reason":"stop"`),
		},
		"Chat Completions, Messages, Chat Completions": {
			chat(user, "I look.\n"+call, `"finish_reason":"tool_calls"`),
			messages(user+", "+blockCall, "18 degrees.", `"stop_reason":"end_turn"`),
			chat(user+", "+chatCall+more, "Bye.", `"finish_reason":"stop"`),
		},
		"Messages, Chat Completions, Messages": {
			messages(user, "I look.\n"+call, `"stop_reason":"tool_use"`),
			chat(user+", "+chatCall, "18 degrees.", `"finish_reason":"stop"`),
			messages(user+", "+blockCall+more, "Bye.", `"stop_reason":"end_turn"`),
		},
	} {
		for _, streamed := range []bool{false, true} {
			t.Run(name+map[bool]string{false: ", whole", true: ", streamed"}[streamed], func(t *testing.T) {
				sim := simulator.New(simulator.Options{})
				checkSteps(t, sim, serve(t, sim, nil), steps, streamed)
			})
		}
	}
}

// checkSteps sends the requests and checks that the platform was asked each of them once, in one session.
func checkSteps(t *testing.T, sim *simulator.Simulator, url string, steps []chatStep, streamed bool) {
	t.Helper()
	id := ""
	for i, step := range steps {
		sim.Script(simulator.Say(step.answer))
		body := strings.ReplaceAll(step.body, "ID", id)
		path := step.path
		switch {
		case streamed && strings.HasPrefix(path, "/v1beta/"):
			path = strings.Replace(path, ":generateContent", ":streamGenerateContent?alt=sse", 1)
		case streamed:
			body = strings.Replace(body, "{", `{"stream": true, `, 1)
		}
		res, reply := exchange(t, http.MethodPost, url+path, body)
		if res.StatusCode != http.StatusOK || !strings.Contains(reply, step.want) {
			t.Fatalf("step %d = %s %s, want %s", i, res.Status, reply, step.want)
		}
		if found := calls.FindString(strings.ReplaceAll(reply, "toolu_", "call_")); found != "" {
			id = strings.TrimPrefix(found, "call_")
		}
		placement := res.Header.Get("X-Achuan-Placement") + res.Trailer.Get("X-Achuan-Placement")
		if want := map[bool]string{true: "new", false: "continued"}[i == 0]; placement != want {
			t.Errorf("placement of step %d = %q, want %q", i, placement, want)
		}
	}
	turns := sim.Turns()
	if len(turns) != len(steps) || turns[0].SessionID != turns[len(turns)-1].SessionID {
		t.Errorf("turns on the platform = %+v, want %d in one session", turns, len(steps))
	}
}

// Errors have the shape of the dialect wherever they come from.
func TestErrorsOfDialects(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/v1/messages", `{`, 400, `"type":"invalid_request_error"`},
		{"POST", "/v1/messages", `{"model": "wat", "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}`, 404, `"type":"not_found_error"`},
		{"POST", "/v1/messages/count_tokens", `{"model": "wat", "messages": [{"role": "user", "content": "hi"}]}`, 404, `"type":"not_found_error"`},
		{"POST", "/v1/messages/batches", `{}`, 404, `"type":"not_found_error"`},
		{"GET", "/v1/messages", ``, 405, `"type":"invalid_request_error"`},
	} {
		res, body := exchange(t, tt.method, url+tt.path, tt.body)
		if res.StatusCode != tt.status || !strings.HasPrefix(body, `{"type":"error"`) || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s = %s %s, want %d with %s", tt.method, tt.path, tt.body, res.Status, body, tt.status, tt.want)
		}
	}
	for _, tt := range []struct {
		method, path, body string
		headers            []string
		status             int
		want               string
	}{
		{"POST", "/v1/responses", `{"model": "wat", "input": "hi"}`, nil, 404, `"code":"model_not_found"`},
		{"POST", "/v1/responses", `{"model": "gpt-5.1-high", "input": "hi", "previous_response_id": "resp_1"}`, nil, 400, `"code":"previous_response_not_found"`},
		{"GET", "/v1/responses", ``, []string{"Connection", "Upgrade", "Upgrade", "websocket"}, 426, `"invalid_request_error"`},
		{"GET", "/v1/responses", ``, nil, 405, `"invalid_request_error"`},
		{"POST", "/v1beta/models/gpt-5.1-high:embedContent", `{}`, nil, 404, `"status":"NOT_FOUND"`},
		{"POST", "/v1beta/models/wat:generateContent", `{"contents": "hi"}`, nil, 404, `"status":"NOT_FOUND"`},
		{"POST", "/v1alpha/models/gpt-5.1-high:countTokens", `{"contents": "hi"}`, nil, 200, `"totalTokens":`},
		{"GET", "/v1beta/models", ``, nil, 200, `"name":"models/gpt-5.1-high"`},
		{"GET", "/v1beta/models/gpt-5.1-high", ``, nil, 200, `"name":"models/gpt-5.1-high"`},
		{"GET", "/v1beta/wat", ``, nil, 404, `"status":"NOT_FOUND"`},
	} {
		res, body := exchange(t, tt.method, url+tt.path, tt.body, tt.headers...)
		if res.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s %s %s = %s %s, want %d with %s", tt.method, tt.path, tt.body, res.Status, body, tt.status, tt.want)
		}
	}
	if turns := sim.Turns(); len(turns) != 0 {
		t.Errorf("questions = %d, want none", len(turns))
	}
}

// A failure of the platform is told to Codex in the stream: after a status it would ask 30 times.
func TestCodexLearnsOfFailuresInTheStream(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	const body = `{"model": "gpt-5.1-high", "stream": true, "input": "hi"}`
	for _, tt := range []struct {
		originator string
		status     int
		want       string
	}{
		{"", http.StatusServiceUnavailable, `"type":"backend_error"`},
		{"codex_exec", http.StatusOK, "event: response.failed\n"},
	} {
		sim.Script(simulator.Fail(simulator.ProviderError(http.StatusServiceUnavailable, "x", "no channel", time.Now())))
		res, reply := exchange(t, http.MethodPost, url+"/v1/responses", body, "Originator", tt.originator)
		if res.StatusCode != tt.status || !strings.Contains(reply, tt.want) {
			t.Errorf("failure for %q = %s %s, want %d with %s", tt.originator, res.Status, reply, tt.status, tt.want)
		}
	}
}

func TestCountTokens(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	count := func(body string) (n struct {
		InputTokens int `json:"input_tokens"`
	}) {
		res, reply := exchange(t, http.MethodPost, url+"/v1/messages/count_tokens", body)
		if err := json.Unmarshal([]byte(reply), &n); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("count_tokens = %s %s, %v", res.Status, reply, err)
		}
		return n
	}
	const messages = `"messages": [{"role": "user", "content": "Hello, how are you?"}]`
	plain := count(`{"model": "gpt-5.1-high", ` + messages + `}`).InputTokens
	if plain < 5 || plain > 15 {
		t.Errorf("tokens of a short question = %d, want 5 to 15", plain)
	}
	for _, more := range []string{`"system": "Be brief."`, `"tools": [{"name": "get_weather", "description": "Tells the weather."}]`} {
		if n := count(`{"model": "gpt-5.1-high", ` + more + `, ` + messages + `}`).InputTokens; n <= plain {
			t.Errorf("tokens with %s = %d, want more than %d", more, n, plain)
		}
	}
	if turns := sim.Turns(); len(turns) != 0 {
		t.Errorf("questions = %d, want none", len(turns))
	}
}

// Google's clients send their key in a header of its own or in the query, on the routes of Gemini alone, and no log has
// it.
func TestGeminiKeys(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	url := serveLogged(t, sim, logger, func(s *config.Settings) { s.APIKeys = []string{"key-0123456789"} })
	for _, tt := range []struct {
		path, header string
		status       int
	}{
		{"/v1beta/models?key=key-0123456789", "", 200},
		{"/v1beta/models", "key-0123456789", 200},
		{"/v1beta/models?key=key-0123456789", "wrong", 401},
		{"/v1beta/models", "", 401},
		{"/v1/models?key=key-0123456789", "", 401},
	} {
		res, body := exchange(t, http.MethodGet, url+tt.path, "", "X-Goog-Api-Key", tt.header)
		if res.StatusCode != tt.status {
			t.Errorf("GET %s with the header %q = %s %s, want %d", tt.path, tt.header, res.Status, body, tt.status)
		}
	}
	if strings.Contains(log.String(), "key-0123456789") || !strings.Contains(log.String(), "/v1beta/models") {
		t.Errorf("log = %s, want the requests without the key", log.String())
	}
}
