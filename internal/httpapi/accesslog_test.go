package httpapi

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// lines reads a log of JSON lines. It checks durations and leaves them and the times out.
func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(text) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("log line = %q, want JSON: %v", line, err)
		}
		maps.DeleteFunc(m, func(k string, v any) bool {
			if k == "first_event" || k == "duration" {
				if n, ok := v.(float64); !ok || n <= 0 {
					t.Errorf("%s = %v, want more than 0", k, v)
				}
			}
			return k == "time" || k == "duration" || k == "request_id"
		})
		if _, ok := m["first_event"]; ok {
			m["first_event"] = true
		}
		all = append(all, m)
	}
	return all
}

func TestAccessLog(t *testing.T) {
	fault502 := &chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendError, Message: "it failed", Cause: errors.New("the cause")}
	for _, c := range []struct {
		name    string
		script  []step
		method  string
		path    string
		headers []string
		body    string
		want    map[string]any
	}{
		{"an answer", hello, "POST", "/v1/chat/completions", []string{"Authorization: " + aliceKey}, question, map[string]any{
			"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/chat/completions", "status": 200.0, "caller": "alice",
			"model": "model-1", "stream": false, "session": 4711.0, "placement": "new", "first_event": true,
			"prompt_tokens": 7.0, "completion_tokens": 2.0, "estimated": false,
		}},
		{"a stream", append([]step{{newSession: 4712}}, helloEstimated...), "POST", "/v1/chat/completions", []string{"Authorization: " + aliceKey}, questionWith(`"stream":true`), map[string]any{
			"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/chat/completions", "status": 200.0, "caller": "alice",
			"model": "model-1", "stream": true, "session": 4712.0, "placement": "replayed", "first_event": true,
			"prompt_tokens": 7.0, "completion_tokens": 2.0, "estimated": true,
		}},
		{"an answer from another session", append([]step{{newSession: 4712}}, hello...), "POST", "/v1/chat/completions", []string{"Authorization: " + aliceKey}, question, map[string]any{
			"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/chat/completions", "status": 200.0, "caller": "alice",
			"model": "model-1", "stream": false, "session": 4712.0, "placement": "replayed", "first_event": true,
			"prompt_tokens": 7.0, "completion_tokens": 2.0, "estimated": false,
		}},
		{"a failure", []step{errorStep(fault502)}, "POST", "/v1/chat/completions", []string{"Authorization: " + aliceKey}, question, map[string]any{
			"level": "WARN", "msg": "request", "method": "POST", "route": "/v1/chat/completions", "status": 502.0, "caller": "alice",
			"model": "model-1", "stream": false, "session": 4711.0, "placement": "new", "code": "backend_error", "error": "backend_error: it failed: the cause",
		}},
		{"a failure within a stream", []step{textStep("secret words"), pauseStep(), errorStep(fault502)}, "POST", "/v1/chat/completions", []string{"Authorization: " + aliceKey}, questionWith(`"stream":true`), map[string]any{
			"level": "WARN", "msg": "request", "method": "POST", "route": "/v1/chat/completions", "status": 200.0, "caller": "alice",
			"model": "model-1", "stream": true, "session": 4711.0, "placement": "new", "first_event": true,
			"code": "backend_error", "error": "backend_error: it failed: the cause",
		}},
		{"a client's mistake", nil, "POST", "/v1/chat/completions", []string{"Authorization: " + aliceKey}, `{"model":"model-1","messages":[{"role":"secret words"}]}`, map[string]any{
			"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/chat/completions", "status": 400.0, "caller": "alice", "code": "invalid_value",
		}},
		{"no key", nil, "GET", "/v1/models/secret-words", nil, "", map[string]any{
			"level": "INFO", "msg": "request", "method": "GET", "route": "/v1/models/{id...}", "status": 401.0, "code": "missing_api_key",
		}},
		{"no route", nil, "GET", "/secret-words", nil, "", map[string]any{
			"level": "INFO", "msg": "request", "method": "GET", "route": "/", "status": 404.0, "code": "not_found",
		}},
		{"wrong method", nil, "DELETE", "/healthz", nil, "", map[string]any{
			"level": "INFO", "msg": "request", "method": "DELETE", "route": "/healthz", "status": 405.0, "code": "method_not_allowed",
		}},
		{"a probe", nil, "GET", "/healthz", nil, "", map[string]any{
			"level": "DEBUG", "msg": "request", "method": "GET", "route": "/healthz", "status": 200.0,
		}},
		{"a probe that fails", nil, "GET", "/readyz", nil, "", map[string]any{
			"level": "WARN", "msg": "request", "method": "GET", "route": "/readyz", "status": 503.0,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := new(testLog)
			s, _, _ := newTestServer(c.script, withKeys, func(o *Options) {
				o.Logger = telemetry.NewLogger(l, slog.LevelDebug, telemetry.FormatJSON)
			})
			serve(s, request(c.method, c.path, c.body, c.headers...))
			if diff := cmp.Diff([]map[string]any{c.want}, lines(t, l.String())); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			checkContains(t, "the log", l.String(), "!secret")
		})
	}
}

func TestTimesInTheLog(t *testing.T) {
	for _, body := range []string{question, questionWith(`"stream":true`)} {
		synctest.Test(t, func(t *testing.T) {
			s, _, l := newTestServer([]step{waitStep(2 * time.Second), textStep("a"), pauseStep(), waitStep(3 * time.Second), textStep("b"), doneStep(someUsage)})
			serve(s, request("POST", "/v1/chat/completions", body))
			checkContains(t, "the log", l.String(), "first_event=2s ", "duration=5s ")
		})
	}
}

func TestProbesAreQuiet(t *testing.T) {
	l := new(testLog)
	s, _, _ := newTestServer(nil, func(o *Options) {
		o.Logger = telemetry.NewLogger(l, slog.LevelInfo, telemetry.FormatText)
	})
	s.SetReady()
	serve(s, request("GET", "/healthz", ""))
	serve(s, request("GET", "/readyz", ""))
	if l.String() != "" {
		t.Errorf("log of probes at level info = %s, want none", l)
	}
}

func TestClientsTextIsClippedInTheLog(t *testing.T) {
	long := strings.Repeat("m", 10_000)
	s, _, l := newTestServer(hello)
	serve(s, request("POST", "/v1/chat/completions", `{"model":"`+long+`","messages":[{"role":"user","content":"Hi"}],"`+long+`":1}`, "X-Session-Id: "+long))
	for line := range strings.Lines(l.String()) {
		if len(line) > 1000 {
			t.Errorf("length of a log line = %d, want at most 1000: %s…", len(line), line[:200])
		}
	}
	if n := strings.Count(l.String(), "\n"); n != 3 {
		t.Errorf("log = %d lines, want 3:\n%s", n, l)
	}
}

func TestIgnoredKeysAreCountedAndNamed(t *testing.T) {
	s, _, l := newTestServer(hello)
	var keys []string
	for c := range slices.Values(strings.Split("abcdefghijklmnopqrstuvwxyz", "")) {
		keys = append(keys, `"zz_`+c+`":1`)
	}
	rec, _ := serve(s, request("POST", "/v1/chat/completions", questionWith(strings.Join(keys, ","))))
	if got := metricSum(t, s, "achuan_ignored_keys_total"); rec.Code != 200 || got != 26 {
		t.Errorf("status = %d with %v ignored keys counted, want 200 with 26", rec.Code, got)
	}
	checkContains(t, "the log", l.String(), "level=DEBUG", "zz_")
}

// The hash is that of the body as the client sent it, so that sha256sum over the client's
// copy has the same result.
func TestAudit(t *testing.T) {
	for _, c := range []struct {
		name  string
		audit bool
		body  string
	}{
		{"hash", true, question},
		{"hash of a body that is refused", true, " {"},
		{"none", false, question},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, l := newTestServer(hello, func(o *Options) { o.Audit = c.audit })
			serve(s, request("POST", "/v1/chat/completions", c.body))
			want := fmt.Sprintf("body_sha256=%x ", sha256.Sum256([]byte(c.body)))
			if !c.audit {
				want = "!body_sha256"
			}
			checkContains(t, "the log", l.String(), want)
		})
	}
}
