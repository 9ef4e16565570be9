package httpapi

import (
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
)

// scenario is one request to a server that listens, and its expected reply.
type scenario struct {
	name       string
	setOptions func(*Options)
	script     []step
	prepare    func(*Server)
	method     string
	path       string
	headers    []string // "Name: value"
	body       string
	status     int
	header     map[string]string // exact values; "" for a header that must be absent
	contains   []string          // parts of the body, as for checkContains
}

func (c scenario) run(t *testing.T) {
	set := c.setOptions
	if set == nil {
		set = func(*Options) {}
	}
	s, _, _ := newTestServer(c.script, set)
	s.SetReady()
	if c.prepare != nil {
		c.prepare(s)
	}
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()

	r, err := http.NewRequest(c.method, srv.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	setHeaders(r, c.headers)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	if resp.StatusCode != c.status {
		t.Errorf("status = %d, want %d; body %s", resp.StatusCode, c.status, body)
	}
	for _, name := range slices.Sorted(maps.Keys(c.header)) {
		if got := resp.Header.Get(name); got != c.header[name] {
			t.Errorf("%s = %q, want %q", name, got, c.header[name])
		}
	}
	if resp.Header.Get("X-Request-Id") == "" {
		t.Error("X-Request-Id is missing, want an id")
	}
	checkContains(t, "the body", string(body), c.contains...)
}

func runScenarios(t *testing.T, scenarios []scenario) {
	for _, c := range scenarios {
		t.Run(c.name, c.run)
	}
}

func errorBody(code chat.Code) []string {
	return []string{`{"error":{"message":"`, `"code":"` + string(code) + `"}}`}
}

func TestChat(t *testing.T) {
	const path = "/v1/chat/completions"
	quota := &chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota, Message: "used up"}
	later := &chat.Error{Kind: chat.KindRateLimit, Code: chat.CodeRateLimitExceeded, Message: "later", RetryAfter: 1500 * time.Millisecond}
	muchLater := &chat.Error{Kind: chat.KindRateLimit, Code: chat.CodeRateLimitExceeded, Message: "later", RetryAfter: time.Hour}
	secret := io.ErrNoProgress

	runScenarios(t, []scenario{
		{name: "whole", method: "POST", path: path, body: question, script: hello, status: 200,
			header: map[string]string{
				"Content-Type": "application/json", "X-Session-Id": "4711", "X-Achuan-Placement": "new",
				"X-Achuan-Usage": "", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "",
			},
			contains: []string{`"content":"Hello"`, `"finish_reason":"stop"`, `"prompt_tokens":7`, "!data:"}},
		{name: "whole with an estimate", method: "POST", path: path, body: question, script: helloEstimated, status: 200,
			header: map[string]string{"X-Achuan-Usage": "estimated"}},
		{name: "whole, moved to another session", method: "POST", path: path, body: question,
			script: append([]step{{newSession: 4712}}, hello...), status: 200,
			header: map[string]string{"X-Session-Id": "4712", "X-Achuan-Placement": "replayed"}},
		{name: "whole, failed", method: "POST", path: path, body: question, script: []step{textStep("Hel"), errorStep(truncatedError)}, status: 502,
			header:   map[string]string{"X-Session-Id": "", "X-Should-Retry": ""},
			contains: append(errorBody(chat.CodeBackendTruncated), "!Hel")},
		{name: "whole, without an end", method: "POST", path: path, body: question, script: []step{textStep("Hel")}, status: 502,
			contains: append(errorBody(chat.CodeBackendTruncated), "!Hel")},
		{name: "whole, one choice of two without an end", method: "POST", path: path, body: questionWith(`"n":2`),
			script: []step{textStep("a"), textStep("b").forChoice(1), doneStep(someUsage)}, status: 502, contains: errorBody(chat.CodeBackendTruncated)},
		{name: "streamed", method: "POST", path: path, body: questionWith(`"stream":true`), script: hello, status: 200,
			header: map[string]string{
				"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no",
				"X-Session-Id": "4711", "X-Achuan-Placement": "new", "Content-Length": "",
			},
			contains: []string{`"content":"Hel"`, `"content":"lo"`, `"finish_reason":"stop"`, "data: [DONE]\n\n", "!keep-alive", "!usage"}},
		{name: "streamed with usage", method: "POST", path: path, body: questionWith(`"stream":true,"stream_options":{"include_usage":true}`),
			script: hello, status: 200, contains: []string{`"usage":{"prompt_tokens":7`, "data: [DONE]\n\n"}},
		{name: "streamed, all at once, with an estimate", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: []step{textStep("Hello"), doneStep(estimatedUsage)}, status: 200, header: map[string]string{"X-Achuan-Usage": "estimated"}},
		{name: "streamed, moved to another session", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: append([]step{{newSession: 4712}}, hello...), status: 200,
			header: map[string]string{"X-Session-Id": "4712", "X-Achuan-Placement": "replayed"}},
		{name: "streamed, failed before any text", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: []step{errorStep(quota)}, status: 402,
			header:   map[string]string{"Content-Type": "application/json", "X-Should-Retry": "false", "Retry-After": "", "X-Session-Id": "", "Cache-Control": ""},
			contains: append(errorBody(chat.CodeInsufficientQuota), "!data:")},
		{name: "streamed, failed before any text", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: []step{errorStep(truncatedError)}, status: 502, contains: append(errorBody(chat.CodeBackendTruncated), "!data:")},
		{name: "streamed, failed together with its first text", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: []step{textStep("Hel"), errorStep(truncatedError)}, status: 200,
			contains: []string{`"content":"Hel"`, `data: {"error":`, `"code":"backend_truncated"`, "!DONE"}},
		{name: "streamed, failed after text", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: []step{textStep("Hel"), pauseStep(), textStep("lo"), errorStep(truncatedError)}, status: 200,
			contains: []string{`"content":"Hel"`, `"content":"lo"`, "data: {\"error\":{\"message\":\"cut off.\"", "!DONE", "!\"finish_reason\":\"stop\""}},
		{name: "streamed, without an end", method: "POST", path: path, body: questionWith(`"stream":true`),
			script: []step{textStep("Hel"), pauseStep()}, status: 200,
			contains: []string{`"content":"Hel"`, `data: {"error":`, `"code":"backend_truncated"`, "!DONE", "!\"finish_reason\":\"stop\""}},
		{name: "streamed, internal error after text", method: "POST", path: path, body: questionWith(`"stream":true`),
			headers: []string{"X-Request-Id: mine"}, script: []step{textStep("Hel"), pauseStep(), errorStep(secret)}, status: 200,
			contains: []string{`data: {"error":`, "Request id: mine.", "!" + secret.Error(), "!DONE"}},
		{name: "internal error", method: "POST", path: path, body: question, headers: []string{"X-Request-Id: mine"},
			script: []step{errorStep(secret)}, status: 500, header: map[string]string{"X-Request-Id": "mine"},
			contains: append(errorBody(chat.CodeInternal), "Request id: mine.", "!"+secret.Error())},
		{name: "panic", method: "POST", path: path, body: questionWith(`"stream":true`), headers: []string{"X-Request-Id: mine"},
			script: []step{{panic: "oh my"}}, status: 500, contains: append(errorBody(chat.CodeInternal), "Request id: mine.", "!oh my")},
		{name: "retry after", method: "POST", path: path, body: question, script: []step{errorStep(later)}, status: 429,
			header: map[string]string{"Retry-After": "2", "X-Should-Retry": ""}, contains: errorBody(chat.CodeRateLimitExceeded)},
		{name: "retry after a minute at most", method: "POST", path: path, body: question, script: []step{errorStep(muchLater)}, status: 429,
			header: map[string]string{"Retry-After": "60"}},
		{name: "refused by the gateway", method: "POST", path: path, body: questionWith(`"stream":true`), status: 400,
			setOptions: func(o *Options) {
				o.Chat.(*fakeChat).place = func(context.Context) error {
					return chat.Invalid(chat.CodeModelNotFound, "model", "no such model")
				}
			}, contains: append(errorBody(chat.CodeModelNotFound), `"param":"model"`)},
		{name: "no JSON", method: "POST", path: path, body: "{", status: 400, contains: errorBody(chat.CodeInvalidJSON)},
		{name: "no body", method: "POST", path: path, status: 400, contains: errorBody(chat.CodeInvalidJSON)},
		{name: "n with a session", method: "POST", path: path, body: questionWith(`"n":2`), headers: []string{"X-Session-Id: 12"}, status: 400,
			contains: append(errorBody(chat.CodeInvalidValue), `"param":"n"`)},
		{name: "n with a name", method: "POST", path: path, body: questionWith(`"n":2,"user":"u"`), status: 400,
			contains: append(errorBody(chat.CodeInvalidValue), `"param":"n"`)},
		{name: "too long a name", method: "POST", path: path, body: questionWith(`"user":"` + strings.Repeat("u", 513) + `"`), status: 400,
			contains: append(errorBody(chat.CodeInvalidValue), `"param":"user"`)},
	})
}

func TestModels(t *testing.T) {
	runScenarios(t, []scenario{
		{name: "list", method: "GET", path: "/v1/models", status: 200, header: map[string]string{"Content-Type": "application/json"},
			contains: []string{`{"object":"list","data":[`, `"id":"model-1"`, `"id":"maker/model:2"`}},
		{name: "one", method: "GET", path: "/v1/models/model-1", status: 200, contains: []string{`"id":"model-1"`, "!list"}},
		{name: "with slash and colon", method: "GET", path: "/v1/models/maker/model:2", status: 200, contains: []string{`"id":"maker/model:2"`}},
		{name: "escaped", method: "GET", path: "/v1/models/maker%2Fmodel%3A2", status: 200, contains: []string{`"id":"maker/model:2"`}},
		{name: "unknown", method: "GET", path: "/v1/models/model-9", status: 404, contains: errorBody(chat.CodeModelNotFound)},
		{name: "none", method: "GET", path: "/v1/models/", status: 200, contains: []string{`"object":"list"`}},
		{name: "head", method: "HEAD", path: "/v1/models", status: 200, header: map[string]string{"Content-Type": "application/json"}},
		{name: "head of an unknown one", method: "HEAD", path: "/v1/models/model-9", status: 404},
	})
}

func TestProbesAndPages(t *testing.T) {
	checks := func(o *Options) {
		o.Checks = func(context.Context) map[string]string { return map[string]string{"platform": "unreachable"} }
	}
	drain := func(s *Server) { s.StartDraining() }
	unready := func(s *Server) { s.ready.Store(false) }
	runScenarios(t, []scenario{
		{name: "health", method: "GET", path: "/healthz", status: 200, contains: []string{`{"status":"ok"}`},
			header: map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json"}},
		{name: "health while draining", method: "GET", path: "/healthz", prepare: drain, status: 200, contains: []string{`{"status":"ok"}`}},
		{name: "health before the start", method: "GET", path: "/healthz", prepare: unready, status: 200},
		{name: "health by HEAD", method: "HEAD", path: "/healthz", status: 200, header: map[string]string{"Content-Length": "16"}},
		{name: "health under any name", method: "GET", path: "/healthz", headers: []string{"Host: lb.example.com"}, status: 200},
		{name: "health without a key", method: "GET", path: "/healthz", setOptions: withKeys, status: 200},
		{name: "ready", method: "GET", path: "/readyz", status: 200, contains: []string{`{"status":"ready"}`}},
		{name: "ready with a check that failed", method: "GET", path: "/readyz", setOptions: checks, status: 200,
			contains: []string{`{"status":"ready","checks":{"platform":"unreachable"}}`}},
		{name: "starting", method: "GET", path: "/readyz", prepare: unready, status: 503, contains: []string{`{"status":"starting"}`}},
		{name: "draining", method: "GET", path: "/readyz", setOptions: checks, prepare: drain, status: 503,
			contains: []string{`{"status":"draining","checks":{`}},
		{name: "ready without a key", method: "GET", path: "/readyz", setOptions: withKeys, status: 200},
		{name: "root", method: "GET", path: "/", status: 200, contains: []string{`"name":"achuan"`, `"version":"1.2.3"`, "/v1/models"}},
		{name: "root without a key", method: "GET", path: "/", setOptions: withKeys, status: 200, contains: []string{`"name":"achuan"`, "!alice", "!sk-"}},
		{name: "root while draining", method: "GET", path: "/", prepare: drain, status: 200},
		{name: "root under a foreign name", method: "GET", path: "/", headers: []string{"Host: evil.example"}, status: 403,
			contains: errorBody(chat.CodeOriginNotAllowed)},
	})
}

func TestHugeHeader(t *testing.T) {
	runScenarios(t, []scenario{{name: "64 KiB", method: "GET", path: "/healthz", headers: []string{"X-Big: " + strings.Repeat("x", 60<<10)}, status: 200}})
}
