package conversation_test

import (
	"context"
	"sync/atomic"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// A turn holds its request's memory to its end, also when its client has left or when
// it is given up before it is asked.
func TestTurnHoldsMemory(t *testing.T) {
	s := plainSite(t)
	var held atomic.Int64
	counted := func(r *chat.Request) *chat.Request {
		r.Hold = func() func() {
			held.Add(1)
			return func() { held.Add(-1) }
		}
		return r
	}
	s.ask(counted(whole(alice, user("answered"))))
	if n := held.Load(); n != 0 {
		t.Errorf("%d holders after an answer, want none", n)
	}
	s.begin(counted(whole(alice, user("discarded")))).Discard()
	if n := held.Load(); n != 0 {
		t.Errorf("%d holders after an answer that was discarded, want none", n)
	}

	gate := make(chan struct{})
	s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done()))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	answer, err := s.place(ctx, counted(whole(alice, user("left"))))
	if err != nil {
		t.Fatal(err)
	}
	for range answer.Events() {
		leave()
		break
	}
	if n := held.Load(); n != 1 {
		t.Errorf("%d holders while the turn goes on without its client, want 1", n)
	}
	close(gate)
	s.drain()
	if n := held.Load(); n != 0 {
		t.Errorf("%d holders in the end, want none", n)
	}
}
