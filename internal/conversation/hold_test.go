package conversation_test

import (
	"context"
	"sync/atomic"
	"testing"

	"achuan/internal/chat"
)

// A turn holds the memory of its request until its end, also when its client has left. A discarded turn holds none.
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
		t.Errorf("holders after an answer = %d, want 0", n)
	}
	s.begin(counted(whole(alice, user("discarded")))).Discard()
	if n := held.Load(); n != 0 {
		t.Errorf("holders after an answer that was discarded = %d, want 0", n)
	}

	gate := make(chan struct{})
	s.sim.Script(heldReply(gate))
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
		t.Errorf("holders while the turn continues without its client = %d, want 1", n)
	}
	close(gate)
	s.drain()
	if n := held.Load(); n != 0 {
		t.Errorf("holders after the turn = %d, want 0", n)
	}
}
