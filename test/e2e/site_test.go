//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/simulator"
)

const (
	model      = "gpt-5.1-high"
	otherModel = "gemini-3-pro-preview"
)

// site is a platform and whatever stands in front of it.
type site struct {
	t       testing.TB
	ctx     context.Context
	sim     *simulator.Simulator
	environ []string // of every process
	next    atomic.Int64
	started atomic.Int64 // processes
	named   sync.Map     // owners of messages who come by id or name
	gates   sync.Map     // by the mark of a question: the chan struct{} that its answer waits for
}

// newSite makes a platform whose answers have marks. The environment names the
// database.
func newSite(t testing.TB, o simulator.Options, environ ...string) *site {
	t.Helper()
	s := &site{t: t, ctx: bounded(t), sim: simulator.New(o)}
	platform := httptest.NewServer(s.sim)
	t.Cleanup(func() {
		s.sim.Close()
		platform.Close()
	})
	s.environ = append([]string{
		"ACHUAN_API_URL=" + platform.URL + "/api/chat/completions",
		"ACHUAN_LISTEN=127.0.0.1:0", "ACHUAN_LOG_LEVEL=debug",
	}, environ...)
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return s.marked() })
	return s
}

// file is the setting of a SQLite file of the test's own.
func file(t testing.TB) string {
	return "ACHUAN_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "achuan.db")
}

// start starts a process and waits until it serves.
func (s *site) start() *process {
	s.t.Helper()
	return s.launch().serve()
}

// launch starts a process. Each has a token of its own, of the same account.
func (s *site) launch() *process {
	s.t.Helper()
	life := time.Hour + time.Duration(s.started.Add(1))*time.Second
	return launch(s.t, simulator.NewToken(simulator.DefaultUser, time.Now(), life), s.environ)
}

// mark returns a mark that no other message has.
func (s *site) mark() string { return fmt.Sprintf("«%d»", s.next.Add(1)) }

// marked is an answer in several frames with a mark of its own.
func (s *site) marked() *simulator.Reply {
	return &simulator.Reply{Deltas: []string{"an ", "answer ", "with ", s.mark(), " in it"}}
}

// unhurried is an answer that takes a few milliseconds, or as long as a new process
// needs to start, or longer.
func (s *site) unhurried() *simulator.Reply {
	r := s.marked()
	r.Delay = []time.Duration{time.Millisecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}[rand.IntN(4)]
	return r
}

// held is an answer that has begun and goes on when the gate opens.
func (s *site) held(gate <-chan struct{}) simulator.Reply {
	return simulator.Stream(simulator.Deltas("begun "), simulator.Wait(gate), simulator.Deltas("ended "+s.mark()),
		simulator.Object(), simulator.Done())
}

// await waits for what the simulator sees.
func (s *site) await(what string, so func() bool) {
	s.t.Helper()
	if err := s.sim.Await(s.ctx, so); err != nil {
		s.t.Fatalf("%s: %v; the platform saw %d questions", what, err, len(s.sim.Turns()))
	}
}

// inFlight waits until so many answers are being made.
func (s *site) inFlight(n int) {
	s.t.Helper()
	s.await(fmt.Sprintf("%d answers in flight", n), func() bool { return s.sim.InFlight() == n })
}

// before has f called when the platform gets the next request on a route, in place
// of the reply.
func (s *site) before(route simulator.Route, f func()) {
	s.sim.InterceptOnce(route, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		f()
		usual(w, r)
	})
}

// asked returns the turns whose question is the message.
func (s *site) asked(m message) []simulator.Turn {
	var found []simulator.Turn
	mark := marks(m.Content)[0]
	for _, turn := range s.sim.Turns() {
		if question(turn) == mark {
			found = append(found, turn)
		}
	}
	return found
}
