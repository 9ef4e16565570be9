package app_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"achuan/internal/app"
	"achuan/internal/config"
	"achuan/internal/simulator"
)

// running is an app that a test stops by itself.
type running struct {
	url  string
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, sim *simulator.Simulator, environ ...string) *running {
	t.Helper()
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	settings, err := config.Load(config.LoadOptions{Dir: t.TempDir(), Environ: append([]string{
		"ACHUAN_JWT=token", "ACHUAN_LISTEN=127.0.0.1:0",
		"ACHUAN_API_URL=" + backend.URL + "/api/chat/completions",
	}, environ...)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready := make(chan string, 1)
	r := &running{stop: stop, done: make(chan error, 1)}
	go func() {
		r.done <- app.Serve(ctx, settings, app.Options{Logger: slog.New(slog.DiscardHandler), Ready: func(a string) { ready <- a }})
	}()
	t.Cleanup(stop)
	r.url = "http://" + <-ready
	return r
}

// open starts a stream and reads its first chunk.
func (r *running) open(t *testing.T) (*http.Response, *bufio.Reader) {
	t.Helper()
	res, err := http.Post(r.url+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(res.Body)
	if line, err := body.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: ") {
		t.Fatalf("first line %q, %v", line, err)
	}
	return res, body
}

func status(t *testing.T, url string) int {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

func TestDrainLetsAnswersFinish(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	gate := make(chan struct{})
	sim.Script(simulator.Stream(simulator.Deltas("begun, "), simulator.Wait(gate), simulator.Deltas("ended"), simulator.Object(), simulator.Done()))
	r := run(t, sim)
	if got := status(t, r.url+"/readyz"); got != 200 {
		t.Errorf("readyz before: %d", got)
	}
	res, body := r.open(t)
	defer res.Body.Close()
	r.stop()
	for status(t, r.url+"/readyz") != 503 { // draining begins on another goroutine
	}
	if got := status(t, r.url+"/healthz"); got != 200 {
		t.Errorf("healthz while draining: %d", got)
	}
	if code, text := ask(t, r.url, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"hi"}]}`); code != 503 || errorCode(text) != "shutting_down" {
		t.Errorf("a new request while draining: %d %s", code, text)
	}
	close(gate)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), "ended") || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("the answer under way: %v %q", err, rest)
	}
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestDrainDeadlineEndsAnswers(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Stream(simulator.Deltas("begun, "), simulator.Hang()))
	r := run(t, sim, "ACHUAN_DRAIN_TIMEOUT=50ms")
	res, body := r.open(t)
	defer res.Body.Close()
	r.stop()
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), `"code":"shutting_down"`) || strings.Contains(string(rest), "[DONE]") {
		t.Errorf("the answer under way: %v %q", err, rest)
	}
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// A client that leaves does not stop the turn: the session is free, and holds the
// whole exchange, once the platform is done.
func TestTurnOutlivesItsClient(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	gate := make(chan struct{})
	sim.Script(simulator.Stream(simulator.Deltas("begun, "), simulator.Wait(gate), simulator.Deltas("ended"), simulator.Object(), simulator.Done()))
	r := run(t, sim)
	res, _ := r.open(t)
	id := res.Header.Get("X-Session-Id")
	res.Body.Close()
	close(gate)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/v1/chat/completions",
		strings.NewReader(`{"model":"gpt-5.1-high","messages":[{"role":"user","content":"again"}]}`))
	request.Header.Set("X-Session-Id", id)
	next, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Body.Close()
	turns := sim.Turns()
	if next.StatusCode != http.StatusOK || next.Header.Get("X-Session-Id") != id || len(turns) != 2 {
		t.Fatalf("%d in session %s (was %s), %d turns", next.StatusCode, next.Header.Get("X-Session-Id"), id, len(turns))
	}
	if turns[0].ClientGone || turns[1].Overlapped {
		t.Errorf("platform saw: client gone %v, overlapping turns %v", turns[0].ClientGone, turns[1].Overlapped)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// Timeouts of the platform do not end with the client's patience but with ours.
func TestFirstEventTimeout(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Stream(simulator.Hang()))
	r := run(t, sim, "ACHUAN_FIRST_EVENT_TIMEOUT=50ms")
	began := time.Now()
	code, body := ask(t, r.url, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"hi"}]}`)
	if code != 504 || errorCode(body) != "backend_timeout" || time.Since(began) > 30*time.Second {
		t.Errorf("%d %s after %v", code, body, time.Since(began))
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}
