package simulator

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start is the time of the tests.
var start = time.Date(2026, 1, 15, 10, 20, 30, 0, platformZone)

// testPlatform is a simulator behind an HTTP server, and a client of account 42.
type testPlatform struct {
	t     *testing.T
	sim   *Simulator
	url   string
	http  *http.Client
	token string
}

func newTestPlatform(t *testing.T, o Options) *testPlatform {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return start }
	}
	sim := New(o)
	srv := httptest.NewServer(sim)
	t.Cleanup(func() {
		sim.Close()
		srv.Client().CloseIdleConnections()
		srv.Close()
	})
	return connectTo(t, sim, srv)
}

// connectTo returns a client of a simulator behind a server, which the caller closes.
func connectTo(t *testing.T, sim *Simulator, srv *httptest.Server) *testPlatform {
	t.Helper()
	return &testPlatform{t: t, sim: sim, url: srv.URL, http: srv.Client(), token: "token"}
}

// newTestSession starts a platform and creates a session. It returns both.
func newTestSession(t *testing.T, o Options) (*testPlatform, int64) {
	t.Helper()
	c := newTestPlatform(t, o)
	return c, c.createSession("gpt-5.1-high")
}

// do sends a request and returns the response. The caller closes its body.
func (c *testPlatform) do(ctx context.Context, route, body string) (*http.Response, error) {
	c.t.Helper()
	method, path, _ := strings.Cut(route, " ")
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", c.token)
	}
	return c.http.Do(r)
}

// call sends a request and returns status and body.
func (c *testPlatform) call(route, body string) (int, string) {
	c.t.Helper()
	resp, err := c.do(c.t.Context(), route, body)
	if err != nil {
		c.t.Fatalf("%s = %v, want a response", route, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("body of %s = %v, want it whole", route, err)
	}
	return resp.StatusCode, string(text)
}

// mustCall is call for a request that must succeed. It returns the body.
func (c *testPlatform) mustCall(route, body string) string {
	c.t.Helper()
	status, text := c.call(route, body)
	if status != http.StatusOK || !strings.HasPrefix(text, `{"code":0,`) {
		c.t.Fatalf("%s = HTTP %d %s, want HTTP 200 and code 0", route, status, text)
	}
	return text
}

// createSession creates a session and returns its id.
func (c *testPlatform) createSession(model string) int64 {
	c.t.Helper()
	var made struct{ Data Session }
	decode(c.t, c.mustCall("POST /api/chat/session", fmt.Sprintf(`{"model":%q,"plugins":[],"mcp":[]}`, model)), &made)
	return made.Data.ID
}

// questionBody returns the body of a question.
func questionBody(session int64, text string) string {
	return fmt.Sprintf(`{"text":%s,"sessionId":%d,"files":[]}`, marshal(text), session)
}

// ask asks a question and returns the body of the reply.
func (c *testPlatform) ask(session int64, text string) string {
	c.t.Helper()
	_, body := c.call("POST /api/chat/completions", questionBody(session, text))
	return body
}

// open asks a question. The caller reads and closes the reply.
func (c *testPlatform) open(ctx context.Context, session int64, text string) (*http.Response, error) {
	c.t.Helper()
	return c.do(ctx, "POST /api/chat/completions", questionBody(session, text))
}

// mustOpen is open for a question that gets a reply. The end of the test closes the reply.
func (c *testPlatform) mustOpen(session int64, text string) *http.Response {
	c.t.Helper()
	resp, err := c.open(c.t.Context(), session, text)
	if err != nil {
		c.t.Fatalf("open(%d, %q) = %v, want a reply", session, text, err)
	}
	c.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// openLate opens a question whose answer "late" waits until the gate is closed.
func (c *testPlatform) openLate(session int64, text string) (resp *http.Response, gate chan struct{}) {
	c.t.Helper()
	gate = make(chan struct{})
	c.sim.Script(Stream(Head(), Wait(gate), Deltas("late"), Object(), Done()))
	return c.mustOpen(session, text), gate
}

// await waits until a condition on the simulator is true.
func (c *testPlatform) await(cond func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	defer cancel()
	if err := c.sim.Await(ctx, cond); err != nil {
		c.t.Fatalf("Await = %v, want the condition to become true", err)
	}
}
