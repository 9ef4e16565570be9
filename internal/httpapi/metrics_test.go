package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"achuan/internal/access"
	"achuan/internal/chat"
)

const adminKey = "Bearer boss-0123456789"

func administered(o *Options) { o.Admin = access.NewAdminKey(strings.TrimPrefix(adminKey, "Bearer ")) }

// The administrator may read /metrics. If no admin key is set, a client may that is certainly on
// this machine.
func TestMetricsAccess(t *testing.T) {
	type options = []func(*Options)
	for _, c := range []struct {
		name    string
		set     options
		peer    string
		headers []string
		status  int
		code    chat.Code
	}{
		{"this machine", nil, "127.0.0.1:5000", nil, 200, ""},
		{"this machine, IPv6", nil, "[::1]:5000", []string{"Host: [::1]:8000"}, 200, ""},
		{"this machine, IPv4 in IPv6", nil, "[::ffff:127.0.0.1]:5000", []string{"Host: localhost"}, 200, ""},
		{"this machine, client keys set", options{withKeys}, "127.0.0.1:5000", nil, 200, ""},
		{"this machine, admin key set", options{administered}, "127.0.0.1:5000", nil, 401, chat.CodeMissingAPIKey},
		{"this machine, admin key sent", options{administered}, "127.0.0.1:5000", []string{"Authorization: " + adminKey}, 200, ""},
		{"a container's host", nil, "127.0.0.1:5000", []string{"Host: host.docker.internal:8000"}, 401, chat.CodeMissingAPIKey},
		{"another machine", nil, "192.0.2.1:5000", nil, 401, chat.CodeMissingAPIKey},
		{"another machine, claiming this Host", options{administered}, "192.0.2.1:5000", []string{"Host: localhost:8000"}, 401, chat.CodeMissingAPIKey},
		{"a foreign Host", nil, "127.0.0.1:5000", []string{"Host: achuan.example"}, 401, chat.CodeMissingAPIKey},
		{"a private Host", nil, "127.0.0.1:5000", []string{"Host: 192.168.1.4:8000"}, 401, chat.CodeMissingAPIKey},
		{"X-Forwarded-For", nil, "127.0.0.1:5000", []string{"X-Forwarded-For: 127.0.0.1"}, 401, chat.CodeMissingAPIKey},
		{"X-Forwarded-Host", nil, "127.0.0.1:5000", []string{"X-Forwarded-Host: localhost"}, 401, chat.CodeMissingAPIKey},
		{"Forwarded", nil, "127.0.0.1:5000", []string{"Forwarded: for=127.0.0.1"}, 401, chat.CodeMissingAPIKey},
		{"X-Real-IP", nil, "127.0.0.1:5000", []string{"X-Real-IP: 127.0.0.1"}, 401, chat.CodeMissingAPIKey},
		{"Via", nil, "127.0.0.1:5000", []string{"Via: 1.1 proxy"}, 401, chat.CodeMissingAPIKey},
		{"a web page", nil, "127.0.0.1:5000", []string{"Origin: https://page.example"}, 401, chat.CodeMissingAPIKey},
		{"a web page without a name", nil, "127.0.0.1:5000", []string{"Origin: null"}, 401, chat.CodeMissingAPIKey},
		{"a page of its own", nil, "127.0.0.1:5000", []string{"Origin: http://127.0.0.1:8000"}, 200, ""},
		{"no peer", nil, "@", nil, 401, chat.CodeMissingAPIKey},
		{"the administrator", options{administered}, "192.0.2.1:5000", []string{"Authorization: " + adminKey}, 200, ""},
		{"the administrator, through a proxy", options{administered}, "127.0.0.1:5000", []string{"X-Forwarded-For: 192.0.2.1", "X-Api-Key: boss-0123456789"}, 200, ""},
		{"a wrong key", options{administered}, "192.0.2.1:5000", []string{"Authorization: Bearer boss"}, 401, chat.CodeInvalidAPIKey},
		{"a wrong key on this machine", options{administered}, "127.0.0.1:5000", []string{"Authorization: Bearer boss"}, 401, chat.CodeInvalidAPIKey},
		{"a client's key", options{withKeys, administered}, "192.0.2.1:5000", []string{"Authorization: " + aliceKey}, 401, chat.CodeInvalidAPIKey},
		{"an empty key, none set", nil, "192.0.2.1:5000", []string{"Authorization: Bearer "}, 401, chat.CodeMissingAPIKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, l := newTestServer(nil, c.set...)
			r := request("GET", "/metrics", "", c.headers...)
			r.RemoteAddr = c.peer
			rec, _ := serve(s, r)
			if rec.Code != c.status {
				t.Fatalf("status = %d, want %d", rec.Code, c.status)
			}
			if c.code != "" {
				checkContains(t, "the body", rec.Body.String(), append(errorBody(c.code), "ACHUAN_ADMIN_KEY", "!achuan_ready")...)
				if got := rec.Header().Get("WWW-Authenticate"); got != "Bearer" {
					t.Errorf("WWW-Authenticate = %q, want Bearer", got)
				}
			} else {
				checkContains(t, "the body", rec.Body.String(), "achuan_ready 0\n", "achuan_panics_total 0\n", "go_goroutines ")
			}
			checkContains(t, "the log", l.String(), "!boss")
		})
	}
}

// The administrator is not a caller: chat refuses the admin key.
func TestAdminKeyIsNoClientKey(t *testing.T) {
	s, f, _ := newTestServer(hello, withKeys, administered)
	rec, _ := serve(s, request("POST", "/v1/chat/completions", question, "Authorization: "+adminKey))
	if rec.Code != http.StatusUnauthorized || len(f.requests) > 0 {
		t.Errorf("status = %d with %d requests at the gateway, want 401 with 0", rec.Code, len(f.requests))
	}
}

// scrape returns the lines of one metric.
func scrape(t *testing.T, s *Server, metric string) string {
	t.Helper()
	r := request("GET", "/metrics", "")
	r.RemoteAddr = "127.0.0.1:5000"
	rec, _ := serve(s, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("status of /metrics = %d, want 200", rec.Code)
	}
	var kept strings.Builder
	for line := range strings.Lines(rec.Body.String()) {
		if strings.HasPrefix(line, metric) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestRequestsAreCounted(t *testing.T) {
	fault502 := &chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendError, Message: "it failed"}
	s, f, _ := newTestServer(hello, func(o *Options) { o.MaxBody = 1000 })
	serve(s, request("POST", "/v1/chat/completions", question))
	serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
	serve(s, request("POST", "/v1/chat/completions", strings.Replace(question, "model-1", "no-such-model", 1)))
	serve(s, request("POST", "/v1/chat/completions", `{`))
	serve(s, request("POST", "/v1/chat/completions", strings.Repeat(" ", 2000)))
	f.script = []step{textStep("Hel"), pauseStep(), errorStep(fault502)}
	serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
	serve(s, request("GET", "/any/"+strings.Repeat("x", 50), ""))

	checkContains(t, "requests", scrape(t, s, "achuan_http_requests_total"),
		`{model="model-1",route="/v1/chat/completions",status="200",stream="false"} 1`,
		`{model="model-1",route="/v1/chat/completions",status="200",stream="true"} 2`,
		`{model="",route="/v1/chat/completions",status="400",stream="false"} 1`,
		`{model="",route="none",status="413",stream="false"} 1`,
		`{model="",route="/",status="404",stream="false"} 1`,
		`model="other"`, "!no-such-model", "!xxx")
	checkContains(t, "errors", scrape(t, s, "achuan_errors_total"),
		`{code="backend_error",type="backend_error"} 1`, `{code="invalid_json",type="invalid_request_error"} 1`,
		`{code="not_found",type="invalid_request_error"} 1`, `{code="request_too_large",type="invalid_request_error"} 1`)
	checkContains(t, "tokens", scrape(t, s, "achuan_tokens_total"),
		`{kind="prompt",model="model-1"} 14`, `{kind="completion",model="model-1"} 4`)
	checkContains(t, "first events", scrape(t, s, "achuan_first_event_seconds_count"), `{model="model-1"} 3`)
	checkContains(t, "durations", scrape(t, s, "achuan_request_duration_seconds_count"), `{route="/v1/chat/completions",stream="true"} 2`)
	checkContains(t, "placements", scrape(t, s, "achuan_placements_total"), `{placement="new"} `, `{placement="forked"} 0`)
	checkContains(t, "limits", scrape(t, s, "achuan_limits_hit_total"), `{limit="body"} 1`, `{limit="queue"} 0`)
	checkContains(t, "streams", scrape(t, s, "achuan_open_streams"), "achuan_open_streams 0\n")
}

func TestReadyIsMeasured(t *testing.T) {
	s, _, _ := newTestServer(nil)
	for _, c := range []struct {
		change func()
		want   float64
	}{{func() {}, 0}, {s.SetReady, 1}, {s.StartDraining, 0}} {
		c.change()
		if got := metricSum(t, s, "achuan_ready"); got != c.want {
			t.Errorf("achuan_ready = %v, want %v", got, c.want)
		}
	}
}

// The server records the time of Prometheus' scrapes, but not of those by its own commands.
func TestScrapesAreRecorded(t *testing.T) {
	const metric = "achuan_last_scrape_timestamp_seconds"
	s, _, _ := newTestServer(nil)
	for _, c := range []struct {
		agent string
		after bool
	}{{"achuan/1.2.3 doctor", false}, {"Prometheus/2.42.0", true}, {"achuan/1.2.3 doctor", true}} {
		r := request("GET", "/metrics", "", "User-Agent: "+c.agent)
		r.RemoteAddr = "127.0.0.1:5000"
		serve(s, r)
		if got := metricSum(t, s, metric) > 0; got != c.after {
			t.Errorf("%s > 0 after %s = %v, want %v", metric, c.agent, got, c.after)
		}
	}
}

// A stream counts as open while its answer comes.
func TestOpenStreamsAreCounted(t *testing.T) {
	during := -1.0
	s, _, _ := newTestServer(nil)
	s.opts.Chat.(*fakeChat).script = []step{textStep("a"), {do: func() { during = metricSum(t, s, "achuan_open_streams") }}, doneStep(someUsage)}
	serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
	if after := metricSum(t, s, "achuan_open_streams"); during != 1 || after != 0 {
		t.Errorf("open streams = %v during the answer and %v after it, want 1 and 0", during, after)
	}
}

// Without metrics the server counts nothing, and requests work.
func TestNoMetrics(t *testing.T) {
	s, _, _ := newTestServer(hello, func(o *Options) { o.Metrics = nil })
	for _, body := range []string{question, questionWith(`"stream":true,"zz":1`), "{"} {
		serve(s, request("POST", "/v1/chat/completions", body))
	}
	r := request("GET", "/metrics", "")
	r.RemoteAddr = "127.0.0.1:1"
	if rec, _ := serve(s, r); rec.Code != http.StatusNotFound {
		t.Errorf("status of /metrics = %d, want 404", rec.Code)
	}
}
