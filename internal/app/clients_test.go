package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// The server answers requests in the forms that clients send.
func TestRequestsOfClients(t *testing.T) {
	for _, tt := range []struct{ name, body, saw string }{
		{
			"Open WebUI with the empty fields of its form",
			`"messages": [{"role": "user", "content": "hi"}], "max_tokens": -1, "stop": [""], "reasoning_effort": "", "logit_bias": {}, "metadata": []`, "hi",
		},
		{
			"a PHP client, whose empty objects are lists",
			`"messages": [{"role": "user", "content": "hi"}], "metadata": [], "logit_bias": [], "tools": [{"type": "function", "function": {"name": "now", "description": null, "parameters": {"type": "object", "properties": []}}}]`, "hi",
		},
		{
			"n8n with 0 for no limit",
			`"messages": [{"role": "user", "content": "hi"}], "max_tokens": 0, "temperature": 0.7, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0, "n": 1, "response_format": {"type": "text"}`, "hi",
		},
		{
			"LiteLLM, which keeps Anthropic's blocks",
			`"messages": [{"role": "user", "content": [{"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}}]},
			{"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "I look."}], "tool_calls": [{"id": "toolu_1", "type": "function", "index": 0, "function": {"name": "ls", "arguments": "{}"}}], "thinking_blocks": []},
			{"role": "tool", "tool_call_id": "toolu_1", "content": null}]`, "I look.",
		},
		{
			"LangChain with tool_use parts beside tool_calls",
			`"messages": [{"role": "user", "content": "look"}, {"role": "assistant", "name": "agent", "content": [{"type": "text", "text": "I look."}, {"type": "tool_use", "id": "toolu_1", "name": "ls", "input": {"path": "/"}}],
			"tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "ls", "arguments": "{\"path\": \"/\"}"}}]}, {"role": "tool", "name": "ls", "tool_call_id": "toolu_1", "content": [{"type": "text", "text": "bin"}]}]`, "bin",
		},
		{
			"Vercel's AI SDK with Responses' parts",
			`"messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": [{"type": "input_text", "text": "hi"}]}, {"role": "assistant", "content": [{"type": "reasoning", "summary": []}, {"type": "output_text", "text": "Hello", "annotations": []}]}, {"role": "user", "content": "again"}]`, "Hello",
		},
		{
			"Dify with a tool that returned nothing",
			`"messages": [{"role": "user", "content": "go"}, {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "run", "arguments": ""}}]}, {"role": "tool", "tool_call_id": "c1", "name": "run"}], "user": "abc-123", "stop": [], "stream": true`, "run",
		},
		{
			"Continue with one MCP server twice",
			`"messages": [{"role": "user", "content": "hi"}], "tools": [` + weatherTool + `, ` + weatherTool + `], "tool_choice": "auto"`, "hi",
		},
		{
			"MCP tools with schemas of OpenAPI and draft 4",
			`"messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "function": {"name": "github.search/issues", "parameters": {"$schema": "", "type": "object", "description": null, "properties": {
			"q": {"type": "string", "nullable": true}, "n": {"type": "integer", "minimum": 0, "exclusiveMinimum": true}, "range": {"type": "array", "items": [{"type": "integer"}, {"type": "integer"}]}, "x": {"$ref": "#/definitions/x"}}, "definitions": {"x": {"type": "string"}}}}}]`, "hi",
		},
		{
			"a client of the Responses API, with flat tools",
			`"messages": [{"role": "user", "content": "hi"}], "tools": [{"type": "function", "name": "now", "parameters": {"type": "object"}, "strict": false}, {"function": {"name": "f"}}], "tool_choice": "auto"`, "hi",
		},
		{
			"a schema that nobody calls",
			`"messages": [{"role": "user", "content": "sum up"}], "tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"$ref": "https://example.com/x"}}}], "tool_choice": "none"`, "sum up",
		},
		{
			"Cline's user with a name",
			`"messages": [{"role": "user", "name": "ann", "content": "hi"}], "reasoning_effort": "auto"`, `name="ann"`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.Script(simulator.Say("Fine."))
			got := send(t, url, `{"model": "gpt-5.1-high", `+tt.body+`}`)
			if got.status != http.StatusOK {
				t.Fatalf("status = %d, want 200: %s", got.status, got.body)
			}
			turns := sim.Turns()
			if len(turns) != 1 {
				t.Fatalf("platform got %d turns, want 1", len(turns))
			}
			if !strings.Contains(turns[0].Text, tt.saw) || strings.Contains(turns[0].Text, "hm") {
				t.Errorf("platform got %q, want %q in it and no reasoning", turns[0].Text, tt.saw)
			}
		})
	}
}

// The client gets its own tool names, although the model gets other names. The chat continues in its session.
func TestToolNamesOfClients(t *testing.T) {
	for _, stream := range []bool{false, true} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		const request = `"model": "gpt-5.1-high", "tools": [{"type": "function", "function": {"name": "fs.read", "parameters": {"type": "object"}}}],
			"tool_choice": {"type": "function", "function": {"name": "fs.read"}}, "messages": [{"role": "user", "content": "Read a."}`
		sim.Script(simulator.Say(`<tool_call>{"name": "fs_read_4074bc02", "arguments": {"path": "a"}}</tool_call>`), simulator.Say("It is empty."))
		got := send(t, url, fmt.Sprintf(`{%s], "stream": %v}`, request, stream))
		if got.status != http.StatusOK || !strings.Contains(got.body, `"name":"fs.read"`) || strings.Contains(got.body, "fs_read") {
			t.Fatalf("stream %v: answer = %d %s, want a call of fs.read", stream, got.status, got.body)
		}
		if prompt := sim.Turns()[0].Prompt; !strings.Contains(prompt, "=== fs_read_4074bc02 ===\n") || strings.Contains(prompt, "fs.read") {
			t.Errorf("prompt = %q, want only the name fs_read_4074bc02", prompt)
		}
		id := callID(t, got.body)
		again := send(t, url, `{`+strings.Replace(request, `"tool_choice": {"type": "function", "function": {"name": "fs.read"}}, `, "", 1)+
			`, {"role": "assistant", "content": null, "tool_calls": [{"id": "`+id+`", "type": "function", "function": {"name": "fs.read", "arguments": "{\"path\": \"a\"}"}}]},
			{"role": "tool", "tool_call_id": "`+id+`"}]}`)
		if again.status != http.StatusOK || again.header.Get("X-Achuan-Placement") != "continued" {
			t.Errorf("stream %v: second answer = %d %s %s, want continued", stream, again.status, again.header.Get("X-Achuan-Placement"), again.body)
		}
	}
}

// callID returns the id of the call in a whole or streamed answer.
func callID(t *testing.T, body string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, `"id":"call_`)
	id, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		t.Fatalf("answer = %s, want a call", body)
	}
	return "call_" + id
}

// The cost of one request is bounded: the server names the part that is too large, releases its memory, and answers
// other requests.
func TestCostlyRequests(t *testing.T) {
	tool := func(i int, schema string) string {
		return fmt.Sprintf(`{"type": "function", "function": {"name": "f%d", "parameters": %s}}`, i, schema)
	}
	tools := func(n int, schema func(i int) string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = tool(i, schema(i))
		}
		return `"tools": [` + strings.Join(list, ",") + `]`
	}
	counted := strings.Repeat("(a?){1000}", 100)
	for _, tt := range []struct{ name, members, param string }{
		{"a pattern of counted repetitions", tools(1, func(int) string { return `{"pattern": "` + counted + `"}` }), "tools[0].function.parameters"},
		{"thirty patterns of 7 KB", tools(30, func(i int) string {
			return fmt.Sprintf(`{"properties": {"p%d": {"pattern": "%s"}}}`, i, strings.Repeat("(a?){1000}", 700))
		}), "tools[0].function.parameters"},
		{"many patterns within their bound", tools(512, func(i int) string { return fmt.Sprintf(`{"pattern": "(a?){1000}b{%d}"}`, i) }), "tools["},
		{"400 tools of 60 KB", tools(400, func(i int) string {
			return fmt.Sprintf(`{"title": "%d", "description": "%s"}`, i, strings.Repeat("x", 60<<10))
		}), "tools[34].function.parameters"},
		{"a schema of many objects", tools(1, func(int) string { return `{"allOf": [` + strings.Repeat("{},", 20_000) + `{}]}` }), "tools[0].function.parameters"},
		{"a stop of 10 MB", `"stop": "` + strings.Repeat("x", 10<<20) + `"`, "stop"},
		{"a format", `"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"patternProperties": {"` + counted + `": {}}}}}`, "response_format.json_schema.schema"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			before, started := heapNow(), time.Now()
			got := send(t, url, `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "hi"}], `+tt.members+`}`)
			if got.status != http.StatusBadRequest || got.Error == nil || got.Error.Code != "invalid_value" || !strings.HasPrefix(got.Error.Param, tt.param) {
				t.Errorf("answer = %d %.300s, want a 400 that names %s", got.status, got.body, tt.param)
			}
			if got.Error != nil && (strings.HasSuffix(got.Error.Message, "..") || !strings.HasSuffix(got.Error.Message, ".")) {
				t.Errorf("message = %q, want one full stop at its end", got.Error.Message)
			}
			if took := time.Since(started); took > 20*time.Second {
				t.Errorf("answer took %v, want a fast refusal", took)
			}
			if kept := (heapNow() - before) >> 20; kept > 100 {
				t.Errorf("server keeps %d MiB after the request, want less", kept)
			}
			if next := send(t, url, `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "hi"}]}`); next.status != http.StatusOK || len(sim.Turns()) != 1 {
				t.Errorf("next answer = %d %s, want 200", next.status, next.body)
			}
		})
	}
}

func heapNow() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The error for an answer with 1.4 million wrong items names only a few of them.
func TestAnswerOfManyInvalidItems(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	deltas := []string{"["}
	for range 14 {
		deltas = append(deltas, strings.Repeat("1,", 100_000))
	}
	wrong := simulator.Reply{Deltas: append(deltas, "1]")}
	sim.Script(wrong, wrong, wrong)
	got := send(t, url, `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "list"}],
		"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array", "items": {"type": "string"}}}}}`)
	if got.status != http.StatusUnprocessableEntity || got.Error == nil || got.Error.Code != "invalid_model_output" || len(got.body) > 4000 {
		t.Errorf("answer = %d %.500s, want a short 422 invalid_model_output", got.status, got.body)
	}
	var body struct{ Error struct{ Message string } }
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || !strings.Contains(body.Error.Message, "at /0: got number, want string") {
		t.Errorf("message = %q, %v, want it to name the first item", body.Error.Message, err)
	}
}
