package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// describeReply returns an answer in short form: status, content, calls and finish reason.
func describeReply(got *reply) string {
	if got.status != http.StatusOK {
		return fmt.Sprintf("%d %s", got.status, got.Error.Code)
	}
	c := got.Choices[0]
	content := "null"
	if c.Message.Content != nil {
		content = fmt.Sprintf("%q", *c.Message.Content)
	}
	var calls strings.Builder
	for _, call := range c.Message.ToolCalls {
		fmt.Fprintf(&calls, " %s(%s)", call.Function.Name, call.Function.Arguments)
	}
	return content + calls.String() + " " + c.FinishReason
}

// describeStream is describeReply for a streamed answer. It does not distinguish null and "".
func describeStream(t *testing.T, got *reply) string {
	t.Helper()
	if got.status != http.StatusOK {
		return fmt.Sprintf("%d %s", got.status, errorCode(got.body))
	}
	var content, finish string
	var calls strings.Builder
	for event := range strings.SplitSeq(strings.TrimSuffix(got.body, "\n\n"), "\n\n") {
		var chunk struct {
			Choices []struct {
				Delta struct {
					Content   string
					ToolCalls []struct {
						Function struct{ Name, Arguments string }
					} `json:"tool_calls"`
				}
				FinishReason string `json:"finish_reason"`
			}
			Error *struct{ Code string }
		}
		data := strings.TrimPrefix(event, "data: ")
		if data == "[DONE]" {
			continue
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatalf("decoding the event %q = %v", event, err)
		}
		if chunk.Error != nil {
			return "error " + chunk.Error.Code
		}
		for _, c := range chunk.Choices {
			content, finish = content+c.Delta.Content, finish+c.FinishReason
			for _, call := range c.Delta.ToolCalls {
				if call.Function.Name != "" {
					calls.WriteString(" " + call.Function.Name + " ")
				}
				calls.WriteString(call.Function.Arguments)
			}
		}
	}
	return fmt.Sprintf("%q%s %s", content, calls.String(), finish)
}

// An answer never looks complete when it is not, and never differs from what the model wrote. Whole and streamed
// answers are the same.
func TestAnswersAreTrue(t *testing.T) {
	const (
		call   = `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>`
		torn   = `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"`
		schema = `"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}`
		paris  = `null get_weather({"city": "Paris"}) tool_calls`
		used   = `{"role": "user", "content": "hi"}, {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]}, ` +
			`{"role": "tool", "tool_call_id": "1", "content": "rain"}`
		ask = `"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "hi"}]`
	)
	at := func(text string, tokens int) simulator.Reply {
		return simulator.Reply{Text: text, Usage: &simulator.Usage{Prompt: 10, Completion: tokens}}
	}
	for _, tt := range []struct {
		name    string
		body    string
		answers []simulator.Reply
		want    string
	}{
		{"a torn call is asked for again", askWeather, []simulator.Reply{at(torn, 5), at(call, 5)}, `null get_weather({"city": "Paris"}) tool_calls`},
		{"a torn call at the limit", askWeather + `, "max_tokens": 50`, []simulator.Reply{at(torn, 50)}, `"" length`},
		{"text at the limit", ask + `, "max_tokens": 50`, []simulator.Reply{at("One two", 50)}, `"One two" length`},
		{"text below the limit", ask + `, "max_tokens": 50`, []simulator.Reply{at("One two", 49)}, `"One two" stop`},
		{"a call at the limit", askWeather + `, "max_tokens": 50`, []simulator.Reply{at(call, 50)}, `null get_weather({"city": "Paris"}) length`},
		{"the limit is that of one answer", askWeather + `, "max_tokens": 50`, []simulator.Reply{at(torn, 30), at(call, 30)}, `null get_weather({"city": "Paris"}) tool_calls`},
		{"torn JSON is asked for again", ask + `, ` + schema, []simulator.Reply{at(`{"items":["a","b"`, 5), at(`{"items":[]}`, 5)}, `"{\"items\":[]}" stop`},
		{"torn JSON with a whole object in it", ask + `, ` + schema, []simulator.Reply{at(`{"items":[{"a":1},{"a":2}`, 5), at(`{"items":[]}`, 5)}, `"{\"items\":[]}" stop`},
		{"torn JSON at the limit", ask + `, "max_tokens": 50, ` + schema, []simulator.Reply{at(`{"items":["a","b"`, 50)}, `"{\"items\":[\"a\",\"b\"" length`},
		{"a path whose backslashes are not doubled", askWeather, []simulator.Reply{at(`<tool_call>{"name": "get_weather", "arguments": {"city": "C:\Users\new"}}</tool_call>`, 5), at(call, 5)},
			`null get_weather({"city": "Paris"}) tool_calls`},
		{"half a surrogate pair", askWeather, []simulator.Reply{at(`<tool_call>{"name": "get_weather", "arguments": {"city": "\ud83d"}}</tool_call>`, 5), at(call, 5)},
			`null get_weather({"city": "Paris"}) tool_calls`},
		{"reasoning that never ends", ask, []simulator.Reply{at("<think>Hm, well", 5)}, `"" stop`},
		{"reasoning alone", ask, []simulator.Reply{at("<think>Hm.</think>", 5)}, `"" stop`},
		{"reasoning alone, with tools", askWeather, []simulator.Reply{at("<think>Hm.</think>\n", 5)}, `"" stop`},
		{"reasoning that never ends, with tools", askWeather, []simulator.Reply{at("<think>Hm, well", 5)}, `"" stop`},
		{"reasoning at the limit", ask + `, "max_tokens": 50`, []simulator.Reply{at("<think>Hm, well", 50)}, `"" length`},
		{"reasoning in place of JSON", ask + `, ` + schema, []simulator.Reply{at("<think>Hm, well", 5), at("{}", 5)}, `"{}" stop`},
		{"a closing tag of reasoning alone", ask, []simulator.Reply{at("Hm.\n</think>\nHello.", 5)}, `"Hm.\n\nHello." stop`},
		{"an object under a schema", ask + `, "response_format": {"type": "json_object", "schema": {"required": ["a"]}}`, []simulator.Reply{at(`{"b": 1}`, 5), at(`{"a": 1}`, 5)}, `"{\"a\": 1}" stop`},
		{"a list of calls", askWeather, []simulator.Reply{at(`<tool_call>[{"name": "get_weather", "arguments": {"city": "Paris"}}]</tool_call>`, 5)}, paris},
		{"a function tag", askWeather, []simulator.Reply{at("<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>", 5)}, paris},
		{"keys and values", askWeather, []simulator.Reply{at("<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>", 5)}, paris},
		{"a name in the tag", askWeather, []simulator.Reply{at(`<tool_call name="get_weather">{"city": "Paris"}</tool_call>`, 5)}, paris},
		{"a tag that is no call", askWeather, []simulator.Reply{at("<tool_call>Paris, please</tool_call>", 5), at(call, 5)}, paris},
		{"a call in reasoning that never ends", askWeather, []simulator.Reply{at("<think>Hm.\n"+call, 5)}, paris},
		{"a call in reasoning", askWeather, []simulator.Reply{at("<think>Hm.\n"+call+"</think>", 5)}, `"" stop`},
		{"a call without tools", `"model": "gpt-5.1-high", "messages": [` + used + `, {"role": "user", "content": "Sum up."}]`, []simulator.Reply{at(call, 5), at("Rain.", 5)}, `"Rain." stop`},
		{"calls without tools", `"model": "gpt-5.1-high", "messages": [` + used + `]`, []simulator.Reply{at(call, 5), at(call, 5), at(call, 5)}, `422 invalid_tool_call`},
		{"a named call stands alone", askWeather + `, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}`, []simulator.Reply{at("Let me see.\n"+call, 5)}, paris},
		{"a forced call stands alone", askWeather + `, "tool_choice": "required"`, []simulator.Reply{at("Let me see.\n"+call, 5)}, `null get_weather({"city": "Paris"}) tool_calls`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.Script(tt.answers...)
			if got := send(t, url, "{"+tt.body+"}"); describeReply(got) != tt.want {
				t.Errorf("whole answer = %s, want %s", describeReply(got), tt.want)
			}
			sim.Script(tt.answers...)
			want := strings.NewReplacer("null ", `"" `, "(", " ", ")", "").Replace(tt.want)
			if got := send(t, url, `{"stream": true, `+tt.body+"}"); describeStream(t, got) != want {
				t.Errorf("streamed answer = %s, want %s", describeStream(t, got), want)
			}
			if n := len(sim.Turns()); n != 2*len(tt.answers) {
				t.Errorf("platform got %d questions, want %d", n, 2*len(tt.answers))
			}
		})
	}
}

// When the model invents a result after its call, the client does not get it, but the session has it. The session is
// not continued.
func TestSessionWithInventedResultIsLeft(t *testing.T) {
	for _, made := range []string{"", "\n<tool_result>\nsunny\n</tool_result>\nIt is sunny."} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		sim.Script(simulator.Say(`<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>`+made), simulator.Say("It rains."))
		first := send(t, url, `{`+askWeather+`}`)
		call := first.Choices[0].Message.ToolCalls[0]
		answer := fmt.Sprintf(`{"role": "assistant", "tool_calls": [{"id": %q, "type": "function", "function": {"name": "get_weather", "arguments": %q}}]}, `+
			`{"role": "tool", "tool_call_id": %q, "content": "rain"}`, call.ID, call.Function.Arguments, call.ID)
		second := send(t, url, `{`+strings.Replace(askWeather, `"Weather in Paris?"}`, `"Weather in Paris?"}, `+answer, 1)+`}`)
		continued := second.header.Get("X-Achuan-Placement") == "continued"
		if second.status != http.StatusOK || continued != (made == "") {
			t.Errorf("answer after %q = %d with the placement %s, want a new session", made, second.status, second.header.Get("X-Achuan-Placement"))
		}
		if turns := sim.Turns(); strings.Contains(turns[1].Text, "It is sunny") {
			t.Errorf("question after %q = %q, want a replay", made, turns[1].Text)
		}
	}
}

// Tags in a page that a user pastes are not calls: they are escaped for the model, and the client gets the model's
// quotes of them unescaped.
func TestQuotedTagsAreText(t *testing.T) {
	const page = `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>`
	for _, quoted := range []string{strings.ReplaceAll(page, "<", "&lt;"), strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(page)} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		sim.Script(simulator.Say("The page says: " + quoted + " and so on."))
		body := strings.Replace(askWeather, "Weather in Paris?", strings.ReplaceAll("Quote: "+page, `"`, `\"`), 1)
		body = strings.Replace(body, "Be brief.", "No <tool_call> in <b>.", 1)
		got := send(t, url, "{"+body+"}")
		if want := fmt.Sprintf("%q stop", "The page says: "+page+" and so on."); describeReply(got) != want {
			t.Errorf("answer = %s, want %s", describeReply(got), want)
		}
		turn := sim.Turns()[0]
		if want := "Quote: " + strings.ReplaceAll(page, "<", "&lt;"); turn.Text != want || !strings.HasPrefix(turn.Prompt, "No &lt;tool_call> in <b>.") {
			t.Errorf("platform got %q with the prompt %q, want %q", turn.Text, turn.Prompt, want)
		}
	}
}

// An answer says what it cost in points: in a header, or in the trailer of a stream.
func TestPoints(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	for _, stream := range []bool{false, true} {
		body := fmt.Sprintf(`{"model": "gpt-5.1-high", "stream": %t, "messages": [{"role": "user", "content": "hi"}]}`, stream)
		res, _ := exchange(t, http.MethodPost, url+"/v1/chat/completions", body)
		points := res.Header.Get("X-Achuan-Points") + res.Trailer.Get("X-Achuan-Points")
		if res.StatusCode != http.StatusOK || points != "2" { // the price of the model
			t.Errorf("points of an answer, stream = %t: %q with status %d, want 2", stream, points, res.StatusCode)
		}
	}
	if got := scrape(t, url).value("achuan_points_total"); got != 4 {
		t.Errorf("achuan_points_total = %v, want 4", got)
	}
}

// The reasoning of an answer is counted, as a part of its tokens.
func TestReasoningTokens(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(simulator.Say("<think>Let me think about this for a while.</think>Yes."))
	got := send(t, url, `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "hi"}]}`)
	var reply struct {
		Usage struct {
			Completion int `json:"completion_tokens"`
			Details    struct {
				Reasoning int `json:"reasoning_tokens"`
			} `json:"completion_tokens_details"`
		}
	}
	if err := json.Unmarshal([]byte(got.body), &reply); err != nil {
		t.Fatal(err)
	}
	if n := reply.Usage.Details.Reasoning; n < 5 || n > reply.Usage.Completion {
		t.Errorf("reasoning tokens = %d of %d, want some of them", n, reply.Usage.Completion)
	}
}

// web_search_options becomes a key of the question in version 3.1, and the variant of the model in earlier ones.
func TestWebSearch(t *testing.T) {
	body := func(model string) string {
		return fmt.Sprintf(`{"model": %q, "web_search_options": {}, "messages": [{"role": "user", "content": "news?"}]}`, model)
	}
	for _, c := range []struct{ version, model, wantModel, wantBody string }{
		{"3.1.0", "gemini-3-pro-preview", "gemini-3-pro-preview", `"webSearch":true`},
		{"2.14.0", "gemini-3-pro-preview", "gemini-3-pro-preview-search", ""},
		{"2.14.0", "gpt-5.1-high", "", ""},
	} {
		sim := simulator.New(simulator.Options{Version: c.version})
		url := serve(t, sim, nil)
		// A model that is not built in waits for the list of models.
		send(t, url, `{"model": "demo-thinker", "messages": [{"role": "user", "content": "hi"}]}`)
		got := send(t, url, body(c.model))
		if c.wantModel == "" {
			if got.status != http.StatusBadRequest || errorCode(got.body) != "unsupported_parameter" {
				t.Errorf("search with %s on %s = %d %s, want 400 unsupported_parameter", c.model, c.version, got.status, got.body)
			}
			continue
		}
		turn := lastTurn(t, sim)
		isSearch := turn.Model == c.wantModel && strings.Contains(string(turn.Body), c.wantBody)
		if got.status != http.StatusOK || !isSearch {
			t.Errorf("search with %s on %s = %d, asked %s with %s, want %s with %s",
				c.model, c.version, got.status, turn.Model, turn.Body, c.wantModel, c.wantBody)
		}
		if strings.Contains(string(turn.Body), "webSearch") != (c.wantBody != "") {
			t.Errorf("question on %s = %s, want the key only where the platform knows it", c.version, turn.Body)
		}
	}
}

// The pages that the platform found come as annotations at the end of the answer. Without the list, which only a
// search asks for, the answer is the same.
func TestCitations(t *testing.T) {
	sim := simulator.New(simulator.Options{Version: "3.1.0"})
	url := serve(t, sim, nil)
	// A model that is not built in waits for the list of models.
	send(t, url, `{"model": "demo-thinker", "messages": [{"role": "user", "content": "hi"}]}`)
	const question = `"model": "gemini-3-pro-preview", "messages": [{"role": "user", "content": "news?"}]`
	annotation := `{"type":"url_citation","url_citation":{"url":"https://a.test/","title":"A","start_index":4,"end_index":4}}`
	for _, c := range []struct {
		name, options string
		status        int // of the list
		want          string
		calls         int // for the list
	}{
		{"whole", `, "web_search_options": {}`, http.StatusOK, `"annotations":[` + annotation + `]`, 1},
		{"streamed", `, "web_search_options": {}, "stream": true`, http.StatusOK, `"delta":{"annotations":[` + annotation + `]}`, 1},
		{"no list", `, "web_search_options": {}`, http.StatusNotFound, `"annotations":[]`, 1},
		{"no search", ``, http.StatusOK, `"annotations":[]`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := sim.Calls(simulator.RouteLinks)
			serveLinks := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				fmt.Fprint(w, `{"code": 0, "data": {"1": {"url": "https://a.test/", "title": "A"}}, "msg": ""}`)
			}
			defer sim.Intercept(simulator.RouteLinks, serveLinks)()
			sim.Script(simulator.Say("新闻 1"))
			res, body := exchange(t, http.MethodPost, url+"/v1/chat/completions", `{`+question+c.options+`}`)
			if res.StatusCode != http.StatusOK || !strings.Contains(body, c.want) {
				t.Errorf("answer = %s %s, want %s in it", res.Status, body, c.want)
			}
			if calls := sim.Calls(simulator.RouteLinks) - before; calls != c.calls {
				t.Errorf("calls for the list = %d, want %d", calls, c.calls)
			}
		})
	}
}
