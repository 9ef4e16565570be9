package conversation_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"achuan/internal/conversation"
	"achuan/internal/postgrestest"
	"achuan/internal/simulator"
)

// A request that waits for a session at one replica does not wait until no request waits at another replica.
func TestWaitingAtAnotherReplicaIsFair(t *testing.T) {
	s := postgresSite(t)
	other := conversation.New(s.options)
	first := s.ask(byID(alice, s.ask(whole(alice, user("hello"))).session, user("by id")))
	gate := make(chan struct{})
	a := s.hold(byID(alice, first.session, user("running")), gate)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := finish(a); err != nil {
			t.Error(err)
		}
	})
	s.await(func() bool { return s.sim.InFlight() == 1 })
	ask := func(e *conversation.Engine, text string) {
		all.Go(func() {
			b, err := e.Ask(t.Context(), conversation.Question{Request: byID(alice, first.session, user(text))})
			if err == nil {
				_, err = finish(b)
			}
			if err != nil {
				t.Errorf("Ask(%q) = %v, want an answer", text, err)
			}
		})
	}
	ask(other, "at another replica")
	s.awaitWaiter()
	const local = 10
	for i := range local {
		ask(s.engine, fmt.Sprint("here ", i))
	}
	close(gate)
	all.Wait()
	turns := s.sim.Turns()
	at := slices.IndexFunc(turns, func(turn simulator.Turn) bool { return turn.Text == "at another replica" })
	if after := len(turns) - at - 1; at < 0 || after < local-2 {
		t.Errorf("request at another replica = question %d of %d, want the first after the running one", at+1, len(turns))
	}
	if err := other.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	s.oneAtATime()
}

// awaitWaiter waits until the store has a request that waits.
func (s *site) awaitWaiter() {
	s.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if postgrestest.Count(s.t, s.schema.URL, "SELECT COUNT(*) FROM sessions WHERE waiter IS NOT NULL") > 0 {
			return
		}
		<-tick.C
	}
	s.t.Fatal("sessions with a waiter = none, want one")
}
