package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

func TestDraining(t *testing.T) {
	drain := func(s *Server) { s.StartDraining() }
	// net/http shows Connection as resp.Close.
	refused := map[string]string{"Connection": "", "Retry-After": "1", "X-Should-Retry": ""}
	runScenarios(t, []scenario{
		{name: "chat", method: "POST", path: "/v1/chat/completions", body: question, script: hello, prepare: drain, status: 503,
			header: refused, contains: errorBody(chat.CodeShuttingDown)},
		{name: "models", method: "GET", path: "/v1/models", prepare: drain, status: 503, contains: errorBody(chat.CodeShuttingDown)},
		{name: "without a key", method: "GET", path: "/v1/models", setOptions: withKeys, prepare: drain, status: 503},
	})
}

func TestDrainingClosesTheConnection(t *testing.T) {
	s, _, _ := newTestServer(hello)
	s.StartDraining()
	rec, _ := serve(s, request("GET", "/v1/models", ""))
	if got := rec.Header().Get("Connection"); got != "close" {
		t.Errorf("Connection = %q, want close", got)
	}
	rec, _ = serve(s, request("GET", "/healthz", ""))
	if got := rec.Header().Get("Connection"); got != "" {
		t.Errorf("Connection of a probe = %q, want none", got)
	}
}

func TestWaitIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer([]step{textStep("a"), pauseStep(), waitStep(5 * time.Second), textStep("b"), doneStep(someUsage)})
		conn := listenTo(t, s).dial(t)
		send(t, conn, questionWith(`"stream":true`), streamTarget, "Connection: close")
		var got []moment
		read := make(chan struct{})
		start := time.Now()
		go func() {
			defer close(read)
			_, got, _ = readAll(t, conn, start)
		}()
		synctest.Wait()
		s.StartDraining()

		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.WaitIdle(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitIdle() while a stream is open = %v, want %v", err, context.DeadlineExceeded)
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if err := s.WaitIdle(t.Context()); err != nil || time.Since(start) != 5*time.Second {
					t.Errorf("WaitIdle() = %v after %v, want nil after 5s", err, time.Since(start))
				}
			})
		}
		waiting.Wait()
		<-read
		if last := got[len(got)-1]; last.Text != "data: [DONE]" {
			t.Errorf("last text of the stream = %q, want data: [DONE]", last.Text)
		}
		if err := s.WaitIdle(t.Context()); err != nil {
			t.Errorf("WaitIdle() of an idle server = %v, want nil", err)
		}
	})
}

// A request that fails in any way is no longer in flight.
func TestNothingStaysInFlight(t *testing.T) {
	s, f, _ := newTestServer([]step{textStep("Hel"), pauseStep(), {panic: "oh my"}})
	f.place = func(context.Context) error { return nil }
	for _, r := range []*http.Request{
		request("POST", "/v1/chat/completions", questionWith(`"stream":true`)),
		request("POST", "/v1/chat/completions", question),
		request("POST", "/v1/chat/completions", "{"),
		request("GET", "/v1/nope", ""),
		request("GET", "/v1/models", "", "Origin: http://evil.example"),
	} {
		serve(s, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitIdle(ctx); err != nil {
		t.Errorf("requests in flight = %d, want 0", s.inFlight.Len())
	}
}
