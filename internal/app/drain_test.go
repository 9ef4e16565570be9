package app_test

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// open asks a streamed question and reads the first chunk.
func (r *runningApp) open(t *testing.T) (*http.Response, *bufio.Reader) {
	t.Helper()
	res, err := http.Post(r.url+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	body := bufio.NewReader(res.Body)
	if line, err := body.ReadString('\n'); err != nil || !strings.HasPrefix(line, "data: ") {
		t.Fatalf("first line = %q, %v, want data", line, err)
	}
	return res, body
}

func statusOf(t *testing.T, url string) int {
	t.Helper()
	res, _ := exchange(t, http.MethodGet, url, "")
	return res.StatusCode
}

func TestDrainLetsAnswersFinish(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	gate := make(chan struct{})
	sim.Script(simulator.Stream(simulator.Deltas("begun, "), simulator.Wait(gate), simulator.Deltas("ended"), simulator.Object(), simulator.Done()))
	r := startApp(t, sim)
	if got := statusOf(t, r.url+"/readyz"); got != 200 {
		t.Errorf("GET /readyz before the stop = %d, want 200", got)
	}
	res, body := r.open(t)
	defer res.Body.Close()
	r.stop()
	for statusOf(t, r.url+"/readyz") != 503 { // another goroutine begins to drain
	}
	if got := statusOf(t, r.url+"/healthz"); got != 200 {
		t.Errorf("GET /healthz while draining = %d, want 200", got)
	}
	if code, text := ask(t, r.url, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"hi"}]}`); code != 503 || errorCode(text) != "shutting_down" {
		t.Errorf("request while draining = %d %s, want 503 shutting_down", code, text)
	}
	close(gate)
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), "ended") || !strings.HasSuffix(string(rest), "data: [DONE]\n\n") {
		t.Errorf("rest of the running answer = %q, %v, want its regular end", rest, err)
	}
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestDrainDeadlineEndsAnswers(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Stream(simulator.Deltas("begun, "), simulator.Hang()))
	r := startApp(t, sim, "ACHUAN_DRAIN_TIMEOUT=50ms")
	res, body := r.open(t)
	defer res.Body.Close()
	r.stop()
	rest, err := io.ReadAll(body)
	if err != nil || !strings.Contains(string(rest), `"code":"shutting_down"`) || strings.Contains(string(rest), "[DONE]") {
		t.Errorf("rest of the running answer = %q, %v, want the error shutting_down", rest, err)
	}
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// A client that leaves does not stop its turn. When the platform has finished, the session has the whole exchange and
// is free.
func TestTurnContinuesWithoutClient(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	gate := make(chan struct{})
	sim.Script(simulator.Stream(simulator.Deltas("begun, "), simulator.Wait(gate), simulator.Deltas("ended"), simulator.Object(), simulator.Done()))
	r := startApp(t, sim)
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
		t.Fatalf("next answer = %d in session %s, want 200 in %s after %d turns", next.StatusCode, next.Header.Get("X-Session-Id"), id, len(turns))
	}
	if turns[0].ClientGone || turns[1].Overlapped {
		t.Errorf("platform saw ClientGone = %t, Overlapped = %t, want neither", turns[0].ClientGone, turns[1].Overlapped)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

// The timeout of the first event ends a question, although the client would wait longer.
func TestFirstEventTimeout(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Stream(simulator.Hang()))
	r := startApp(t, sim, "ACHUAN_FIRST_EVENT_TIMEOUT=50ms")
	began := time.Now()
	code, body := ask(t, r.url, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"hi"}]}`)
	if code != 504 || errorCode(body) != "backend_timeout" || time.Since(began) > 30*time.Second {
		t.Errorf("answer = %d %s after %v, want 504 backend_timeout soon", code, body, time.Since(began))
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}
