package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// reply is an answer as a client gets it.
type reply struct {
	status  int
	header  http.Header
	body    string
	Choices []struct {
		Message struct {
			Content   *string
			ToolCalls []struct {
				ID, Type string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		FinishReason string `json:"finish_reason"`
	}
	Usage struct {
		PromptTokens     int `json:"prompt_tokens"`
		CompletionTokens int `json:"completion_tokens"`
	}
	Error *struct{ Message, Type, Code, Param string }
}

// send sends a chat request with headers (names and values) and decodes the answer if it is JSON.
func send(t *testing.T, url, body string, headers ...string) *reply {
	t.Helper()
	res, text := exchange(t, http.MethodPost, url+"/v1/chat/completions", body, headers...)
	got := &reply{status: res.StatusCode, header: res.Header, body: text}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal([]byte(text), got); err != nil {
			t.Fatalf("decoding the reply = %v: %s", err, text)
		}
	}
	return got
}

const (
	weatherTool = `{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": {
		"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}}}`
	askWeather = `"model": "gpt-5.1-high", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather in Paris?"}], "tools": [` + weatherTool + `]`
)

func TestToolCallRepaired(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(
		simulator.Reply{Text: "Let me look.\n<tool_call>{\"name\": \"get_weather\", \"arguments\": {\"city\": 5}}</tool_call>", Usage: &simulator.Usage{Prompt: 100, Completion: 10}},
		simulator.Reply{Text: "Sorry. <tool_call>{'name': 'get_weather', 'arguments': {'city': 'Paris',}}</tool_call>", Usage: &simulator.Usage{Prompt: 200, Completion: 20}},
	)
	got := send(t, url, "{"+askWeather+"}")
	if got.status != http.StatusOK {
		t.Fatalf("answer = %s, want 200", got.body)
	}
	c := got.Choices[0]
	if c.FinishReason != "tool_calls" || len(c.Message.ToolCalls) != 1 || c.Message.ToolCalls[0].Function.Arguments != `{"city": "Paris"}` ||
		c.Message.Content == nil || *c.Message.Content != "Let me look.\n" {
		t.Errorf("answer = %s, want the repaired call", got.body)
	}
	if got.Usage.PromptTokens != 300 || got.Usage.CompletionTokens != 30 {
		t.Errorf("usage = %+v, want the sum of both answers", got.Usage)
	}
	turns := sim.Turns()
	if len(turns) != 2 || turns[0].SessionID != turns[1].SessionID || !strings.Contains(turns[1].Text, "at /city: got number, want string") {
		t.Fatalf("turns on the platform = %+v, want two", turns)
	}
	for _, turn := range turns {
		if !strings.HasPrefix(turn.Prompt, "Be brief.\n\n# Tools\n") || !strings.Contains(turn.Prompt, "\n=== get_weather ===\n") {
			t.Errorf("prompt = %q, want the tools in it", turn.Prompt)
		}
	}
	if turns[0].Text != "Weather in Paris?" {
		t.Errorf("first question = %q, want the user's text", turns[0].Text)
	}
}

func TestToolCallNeverRepaired(t *testing.T) {
	for _, stream := range []bool{false, true} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		wrong := simulator.Say(`<tool_call>{"name": "delete_all", "arguments": {}}</tool_call>`)
		sim.Script(wrong, wrong, wrong)
		got := send(t, url, fmt.Sprintf(`{%s, "stream": %v}`, askWeather, stream))
		if got.status != http.StatusUnprocessableEntity || got.Error == nil || got.Error.Code != "invalid_tool_call" || got.Error.Type != "invalid_request_error" ||
			!strings.Contains(got.Error.Message, `there is no function "delete_all"`) || got.header.Get("X-Should-Retry") != "false" {
			t.Errorf("stream %v: answer = %d %s, want 422 invalid_tool_call", stream, got.status, got.body)
		}
		if n := len(sim.Turns()); n != 3 {
			t.Errorf("platform got %d questions, want 3", n)
		}
	}
}

// When text was streamed before a wrong call, an error ends the stream. The stream has no regular end and no part of
// the call.
func TestToolCallFailsInStream(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	wrong := simulator.Say(`Wait. <tool_call>{"name": "delete_all", "arguments": {}}</tool_call>`)
	sim.Script(wrong, wrong, wrong)
	got := send(t, url, `{`+askWeather+`, "stream": true}`)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"content":"Wai"`) || !strings.Contains(got.body, `"code":"invalid_tool_call"`) {
		t.Errorf("answer = %d %s, want an error event in a stream", got.status, got.body)
	}
	for _, no := range []string{"[DONE]", `"finish_reason":"`, `tool_calls":`, "<tool_call>"} {
		if strings.Contains(got.body, no) {
			t.Errorf("answer = %s, want no %s in it", got.body, no)
		}
	}
}

func TestToolStreaming(t *testing.T) {
	script := simulator.Stream(simulator.Deltas(`Hm. <tool_`, `call>{"name": "get_weather", "arg`, `uments": {"city": "Pa`, `ris"}}`, `</tool_call>`), simulator.Object(), simulator.Done())
	for _, mode := range []config.ToolStreaming{config.ToolStreamingValid, config.ToolStreamingEager} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, func(s *config.Settings) { s.ToolStreaming = mode })
		sim.Script(script)
		got := send(t, url, `{`+askWeather+`, "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 4096, "reasoning_effort": "low"}`)
		first := strings.Index(got.body, `"function":{"name":"get_weather","arguments":""}}]}`)
		if first < 0 || !strings.Contains(got.body[first:], `"finish_reason":"tool_calls"`) || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
			t.Errorf("%s: answer = %s, want the call", mode, got.body)
		}
		pieces := strings.Count(got.body, `"function":{"arguments":`)
		want := map[config.ToolStreaming]int{config.ToolStreamingValid: 1, config.ToolStreamingEager: 2}[mode]
		if pieces != want {
			t.Errorf("%s: arguments have %d pieces, want %d", mode, pieces, want)
		}
	}
}

func TestSchemaRepaired(t *testing.T) {
	const format = `"response_format": {"type": "json_schema", "json_schema": {"name": "age", "strict": true, "schema": {
		"type": "object", "additionalProperties": false, "required": ["age"], "properties": {"age": {"type": "integer"}}}}}`
	const body = `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "How old?"}], ` + format + `}`
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(simulator.Say("About five."), simulator.Say("Here:\n```json\n{\"age\": 5}\n```\nOk?"))
	got := send(t, url, body)
	if got.status != http.StatusOK || *got.Choices[0].Message.Content != `{"age": 5}` || got.Choices[0].FinishReason != "stop" {
		t.Errorf("answer = %d %s, want 200 with the repaired JSON", got.status, got.body)
	}
	wrong := simulator.Say(`{"age": "five"}`)
	sim.Script(wrong, wrong, wrong)
	got = send(t, url, body)
	if got.status != http.StatusUnprocessableEntity || got.Error == nil || got.Error.Code != "invalid_model_output" ||
		!strings.Contains(got.Error.Message, "at /age: got string, want integer") || got.header.Get("X-Should-Retry") != "false" {
		t.Errorf("answer = %d %s, want 422 invalid_model_output with the fault, and no retry", got.status, got.body)
	}
}

// The server refuses a wrong request before it asks the platform.
func TestToolRequestsRefused(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	const result = `{"role": "tool", "tool_call_id": "x", "content": "1"}`
	request := func(members string) string {
		return `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "hi"}], ` + members + `}`
	}
	tool := func(schema string) string {
		return `"tools": [` + weatherTool + `, {"type": "function", "function": {"name": "f", "parameters": ` + schema + `}}]`
	}
	for _, tt := range []struct{ body, code, param string }{
		{request(tool(`{"type": "strnig"}`)), "invalid_value", "tools[1].function.parameters"},
		{request(tool(`{"properties": {"a": {"$ref": "https://example.com/s"}}}`)), "invalid_value", "tools[1].function.parameters"},
		{request(`"functions": [{"name": "f", "parameters": {"$ref": "file:///etc/passwd"}}]`), "invalid_value", "functions[0].parameters"},
		{request(`"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "x.json"}}}`), "invalid_value", "response_format.json_schema.schema"},
		{request(`"response_format": {"type": "json_object", "schema": {"$ref": "x.json"}}`), "invalid_value", "response_format.schema"},
		{request(`"response_format": {"type": "json_object", "schema": []}`), "invalid_type", "response_format.schema"},
		{request(`"tools": [` + weatherTool + `], "tool_choice": {"type": "function", "function": {"name": "g"}}`), "invalid_value", "tool_choice"},
		{`{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "hi"}, ` + result + `]}`, "invalid_value", "messages[1].tool_call_id"},
	} {
		got := send(t, url, tt.body)
		if got.status != http.StatusBadRequest || got.Error == nil ||
			got.Error.Code != tt.code || got.Error.Param != tt.param {
			t.Errorf("answer to %s = %d %s, want 400 %s for %s", tt.body, got.status, got.body, tt.code, tt.param)
		}
	}
	if n := len(sim.Attempts()); n != 0 {
		t.Errorf("platform got %d questions, want 0", n)
	}
	// With a session id, the call can be in the session.
	first := send(t, url, request(`"n": 1`))
	got := send(t, url, `{"model": "gpt-5.1-high", "messages": [`+result+`]}`, "X-Session-Id", first.header.Get("X-Session-Id"))
	if got.status != http.StatusOK {
		t.Errorf("answer by session id = %d %s, want 200", got.status, got.body)
	}
}

// A large list of tools reaches the model whole, in the prompt and before the text. When the platform finds it too
// long, the client gets an error.
func TestManyTools(t *testing.T) {
	var tools, names []string
	for i := range 24 {
		names = append(names, fmt.Sprintf("tool_%d", i))
		tools = append(tools, fmt.Sprintf(`{"type": "function", "function": {"name": %q, "description": %q, "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}`,
			names[i], strings.Repeat("d", 2_500)+fmt.Sprintf("<END %d>", i)))
	}
	system := strings.Repeat("s", 12_000)
	body := `{"model": "gpt-5.1-high", "messages": [{"role": "system", "content": "` + system + `"}, {"role": "user", "content": "hi"}], "max_tokens": 4096, "tools": [` + strings.Join(tools, ",") + `]}`

	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Say("ok"))
	url := serve(t, sim, nil)
	if got := send(t, url, body); got.status != http.StatusOK {
		t.Fatalf("answer = %d %s, want 200", got.status, got.body)
	}
	turn := sim.Turns()[0]
	sent := turn.Prompt + turn.Text
	var missing []string
	for i, name := range names {
		if strings.Count(sent, "=== "+name+" ===\n") != 1 || !strings.Contains(sent, fmt.Sprintf("<END %d>", i)) {
			missing = append(missing, name)
		}
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" || !strings.Contains(sent, system) {
		t.Errorf("tools that the model got (-want +got):\n%s", diff)
	}

	// The session has the list from then on.
	next := strings.Replace(body, `{"role": "user", "content": "hi"}`, `{"role": "user", "content": "hi"}, {"role": "assistant", "content": `+
		strconv.Quote(turn.Answer)+`}, {"role": "user", "content": "and on"}`, 1)
	if got := send(t, url, next); got.header.Get("X-Achuan-Placement") != "continued" || sim.Turns()[1].Text != "and on" {
		t.Errorf("placement = %s, sent %d bytes, want continued with only the new message", got.header.Get("X-Achuan-Placement"), len(sim.Turns()[1].Text))
	}

	small := simulator.New(simulator.Options{MaxText: 1_000})
	url = serve(t, small, nil)
	got := send(t, url, `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "`+strings.Repeat("x", 2_000)+`"}], "tools": [`+weatherTool+`]}`)
	if got.status != http.StatusBadRequest || got.Error == nil || got.Error.Code != "context_length_exceeded" {
		t.Errorf("answer = %d %s, want 400 context_length_exceeded", got.status, got.body)
	}
}
