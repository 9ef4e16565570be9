package app_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// When one of several choices fails, a repetition asks only for this choice again.
func TestRepetitionOfChoices(t *testing.T) {
	for name, headers := range map[string][]string{
		"marked": {"X-Stainless-Retry-Count", "1"}, "unmarked": nil, "keyed": {"Idempotency-Key", "k"},
	} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			var asked atomic.Int64
			sim.OnTurn(func(simulator.Turn) *simulator.Reply {
				reply := simulator.Say("Fine.")
				if asked.Add(1) == 2 {
					reply = simulator.CutShort("half")
				}
				return &reply
			})
			body := `{"model": "gpt-5.1-high", "n": 3, "messages": [{"role": "user", "content": "hi"}]}`
			first := headers
			if name == "marked" {
				first = nil
			}
			if got := send(t, url, body, first...); got.status != http.StatusBadGateway || errorCode(got.body) != "backend_truncated" {
				t.Fatalf("answer = %d %s, want 502 backend_truncated", got.status, got.body)
			}
			got := send(t, url, body, headers...)
			if got.status != http.StatusOK || len(got.Choices) != 3 {
				t.Fatalf("repetition = %d %s, want three choices", got.status, got.body)
			}
			for i, c := range got.Choices {
				if c.Message.Content == nil || *c.Message.Content != "Fine." {
					t.Errorf("choice %d = %+v, want the text %q", i, c, "Fine.")
				}
			}
			if n := asked.Load(); n != 4 {
				t.Errorf("platform got %d questions, want 4", n)
			}
		})
	}
}

// An SDK repeats a request when it could not read the answer. It gets the stored answer, also from the server's next
// process, and no question is asked twice.
func TestMarkedRepetitionIsNotAsked(t *testing.T) {
	for _, stream := range []bool{false, true} {
		sim := simulator.New(simulator.Options{Token: "token"})
		path := filepath.Join(t.TempDir(), "achuan.db")
		body := fmt.Sprintf(`{"model": "gpt-5.1-high", "stream": %v, "messages": [{"role": "user", "content": "hi"}]}`, stream)
		t.Run(fmt.Sprintf("stream %v", stream), func(t *testing.T) {
			url := serve(t, sim, func(s *config.Settings) { s.DatabaseURL = "sqlite:" + path })
			first := send(t, url, body)
			for range 2 {
				again := send(t, url, body, "X-Stainless-Retry-Count", "1")
				if got := again.header.Get("X-Achuan-Placement"); again.status != http.StatusOK || got != "attached" {
					t.Errorf("repetition = %d, %q, want 200, attached: %s", again.status, got, again.body)
				}
				if got, want := contentIn(t, again.body), contentIn(t, first.body); got != want || want == "" {
					t.Errorf("repetition = %q, want %q", got, want)
				}
			}
			if n := len(sim.Turns()); n != 1 {
				t.Errorf("platform got %d questions, want 1", n)
			}
		})
	}
}
