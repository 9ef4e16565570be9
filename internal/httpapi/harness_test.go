package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"achuan/internal/access"
	"achuan/internal/telemetry"
)

func TestMain(m *testing.M) {
	code := m.Run()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// testLog is the log of the server under test. It can be read at any time.
type testLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// logger returns a debug logger that writes to l.
func (l *testLog) logger() *slog.Logger {
	return telemetry.NewLogger(l, slog.LevelDebug, telemetry.FormatText)
}

// newTestServer returns a server that answers with script, and its log.
func newTestServer(script []step, set ...func(*Options)) (*Server, *fakeChat, *testLog) {
	l, f := new(testLog), &fakeChat{script: script}
	o := Options{
		Chat: f, Logger: l.logger(), Metrics: telemetry.NewMetrics(telemetry.Build{}),
		Version: "1.2.3", Listen: "127.0.0.1:8000", UserSessions: true,
	}
	for _, s := range set {
		s(&o)
	}
	return New(o), f, l
}

// withKeys gives the server two client keys.
func withKeys(o *Options) {
	keys, err := access.ParseKeys([]string{"alice:sk-alice-0123456789", "bob:sk-bob-0123456789"})
	if err != nil {
		panic(err)
	}
	o.Keys = keys
}

const aliceKey = "Bearer sk-alice-0123456789"

// question is a request for an answer.
const question = `{"model":"model-1","messages":[{"role":"user","content":"Hi"}]}`

// questionWith returns question with more keys in it.
func questionWith(keys string) string { return strings.TrimSuffix(question, "}") + "," + keys + "}" }

// serve serves one request in memory. It reports whether the handler aborted the reply.
func serve(s *Server, r *http.Request) (rec *httptest.ResponseRecorder, aborted bool) {
	rec = httptest.NewRecorder()
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			aborted = true
		} else if v != nil {
			panic(v)
		}
	}()
	s.Handler().ServeHTTP(rec, r)
	return rec, false
}

// request returns a request to this machine. It is for serve.
func request(method, path, body string, headers ...string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(context.Background(), method, path, reader)
	r.Host = "127.0.0.1:8000"
	setHeaders(r, headers)
	return r
}

// setHeaders sets "Name: value" lines.
func setHeaders(r *http.Request, headers []string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
}

// metricSum returns the sum of a metric's series, whatever their labels.
func metricSum(t *testing.T, s *Server, metric string) float64 {
	t.Helper()
	rec := httptest.NewRecorder()
	s.opts.Metrics.Handler().ServeHTTP(rec, request("GET", "/metrics", ""))
	sum := 0.0
	for line := range strings.Lines(rec.Body.String()) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name, _, _ := strings.Cut(series, "{"); name != metric {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}

// checkContains checks that a text contains all parts. A part that begins with "!" must not be
// in it.
func checkContains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		unwanted, no := strings.CutPrefix(part, "!")
		if no && strings.Contains(text, unwanted) {
			t.Errorf("%s = %s\nwant no %q in it", what, text, unwanted)
		}
		if !no && !strings.Contains(text, part) {
			t.Errorf("%s = %s\nwant %q in it", what, text, part)
		}
	}
}
