package conversation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// Up to 16 requests wait for a session. The 17th gets an error, which proves that the others wait.
func TestBusySessionWaits(t *testing.T) {
	const waiting = 16
	s := plainSite(t)
	id := s.ask(whole(alice, user("hello"))).session
	gate := make(chan struct{})
	leave(t, s.hold(byID(alice, id, user("running")), gate))

	type outcome struct {
		i   int
		err error
	}
	done := make(chan outcome)
	var leaves [waiting + 1]context.CancelFunc
	for i := range leaves {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		leaves[i] = cancel
		go func() {
			_, err := s.try(ctx, byID(alice, id, user(fmt.Sprintf("waiter %d.", i))))
			done <- outcome{i, err}
		}()
	}
	refused := <-done
	e := chat.AsError(refused.err)
	if e == nil || e.Code != chat.CodeSessionBusy || e.Kind != chat.KindConflict || e.RetryAfter <= 0 {
		t.Fatalf("request beyond the limit = %v, want the code %s with a RetryAfter", refused.err, chat.CodeSessionBusy)
	}
	gone := (refused.i + 1) % len(leaves)
	leaves[gone]()
	if left := <-done; left.i != gone || !errors.Is(left.err, context.Canceled) {
		t.Fatalf("request %d ended with %v, want request %d with %v", left.i, left.err, gone, context.Canceled)
	}
	s.asked(2)
	close(gate)
	for range waiting - 1 {
		if o := <-done; o.err != nil {
			t.Errorf("request %d = %v, want an answer", o.i, o.err)
		}
	}
	s.asked(2 + waiting - 1)
	for _, turn := range s.sim.Turns() {
		if turn.Text == fmt.Sprintf("waiter %d.", refused.i) || turn.Text == fmt.Sprintf("waiter %d.", gone) {
			t.Errorf("platform got the question %q, want only those that waited", turn.Text)
		}
	}
	s.oneAtATime()
}

// A request that waits for a session that is lost meanwhile continues the session that replaces it.
func TestWaitingForALostSession(t *testing.T) {
	s := plainSite(t)
	old := s.ask(whole(alice, user("hello"))).session
	gate := make(chan struct{})
	a := s.hold(byID(alice, old, user("running")), gate) // its session is taken
	s.sim.Forget(old)
	done := make(chan result)
	go func() {
		got, err := s.try(t.Context(), byID(alice, old, user("waiter")))
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	close(gate)
	first, err := finish(a)
	if err != nil {
		t.Fatal(err)
	}
	s.fresh(first, chat.PlacementNew, old)
	if got := <-done; got.session != first.session || got.placement != chat.PlacementContinued {
		t.Errorf("answer = %s in session %d, want continued in %d", got.placement, got.session, first.session)
	}
	s.oneAtATime()
}

func TestTurnOutlivesItsClient(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	s.sim.Script(heldReply(gate))
	a, err := s.place(ctx, whole(alice, user("hello")))
	if err != nil {
		t.Fatal(err)
	}
	leave(t, a)
	cancel()
	if err := s.engine.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Drain(…) while a turn runs = %v, want %v", err, context.Canceled)
	}
	next := make(chan error)
	go func() {
		_, err := s.try(t.Context(), byID(alice, a.Session(), user("next")))
		next <- err
	}()
	close(gate)
	s.await(func() bool { return len(s.sim.Records(a.Session())) > 0 })
	if err := <-next; err != nil {
		t.Fatal(err)
	}
	s.drain()
	turns := s.sim.Turns()
	if turns[0].ClientGone || turns[0].Answer != "begun" {
		t.Errorf("first turn = %+v, want the answer begun and no ClientGone", turns[0])
	}
	if h := turns[1].History; turns[1].SessionID != a.Session() || len(h) != 1 || h[0].AI != "begun" {
		t.Errorf("second turn = session %d after %v, want %d after begun", turns[1].SessionID, h, a.Session())
	}
	s.oneAtATime()
}

// The question of a client that leaves before it is sent is not sent.
func TestClientGoneBeforeTheQuestion(t *testing.T) {
	s := plainSite(t)
	id := s.ask(whole(alice, user("hello"))).session
	ctx, cancel := context.WithCancel(t.Context())
	a, err := s.place(ctx, byID(alice, id, user("too late")))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := finish(a); !errors.Is(err, context.Canceled) {
		t.Errorf("Events() = %v, want %v", err, context.Canceled)
	}
	s.begin(byID(alice, id, user("given up"))).Discard()
	s.checkAnswer(s.ask(byID(alice, id, user("next"))), id, chat.PlacementContinued, "next")
	if n := len(s.sim.Attempts()); n != 2 {
		t.Errorf("platform got %d questions, want 2", n)
	}
}

func TestAbort(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	watched, left := s.hold(whole(alice, user("one")), gate), s.hold(whole(alice, user("two")), gate)
	leave(t, left)
	cause := &chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, Message: "bye"}
	first := true
	var got error
	for _, err := range watched.Events() {
		if first {
			s.engine.Abort(cause)
			first = false
		}
		got = err
	}
	if e := chat.AsError(got); e == nil || e.Code != chat.CodeShuttingDown || e.Message != "bye" {
		t.Errorf("Events() after Abort = %v, want the code %s and the message bye", got, chat.CodeShuttingDown)
	}
	s.drain()
	// New requests end at once, before a session is created for them.
	sessions := s.sim.Calls(simulator.RouteCreateSession)
	for _, r := range []*chat.Request{whole(alice, user("three")), byID(alice, watched.Session(), user("four"))} {
		if e := s.askRefused(r, chat.CodeShuttingDown); e.Message != "bye" {
			t.Errorf("message = %q, want bye", e.Message)
		}
	}
	if n := s.sim.Calls(simulator.RouteCreateSession); n != sessions {
		t.Errorf("sessions created after Abort = %d, want 0", n-sessions)
	}
	close(gate)
	s.await(func() bool { return s.sim.InFlight() == 0 })
}

// Abort also ends a turn that has not sent its question yet.
func TestAbortWhilePlacing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		route simulator.Route
		ask   func(session int64) *chat.Request
	}{
		{"creating a session", simulator.RouteCreateSession, func(int64) *chat.Request { return whole(alice, user("hello")) }},
		{"updating its settings", simulator.RouteUpdateSession, func(id int64) *chat.Request { return byID(alice, id, system("new"), user("hello")) }},
		{"waiting for a session", "", func(id int64) *chat.Request { return byID(alice, id, user("hello")) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			id := s.ask(whole(alice, user("hello"))).session
			begun, held := make(chan struct{}), make(chan struct{})
			defer close(held)
			if tc.route == "" {
				defer s.begin(byID(alice, id, user("placed"))).Discard()
				close(begun)
			} else {
				s.sim.Intercept(tc.route, func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
					close(begun)
					<-held
				})
			}
			done := make(chan error)
			go func() {
				_, err := s.try(t.Context(), tc.ask(id))
				done <- err
			}()
			<-begun
			s.engine.Abort(&chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, Message: "bye"})
			select {
			case err := <-done:
				if e := chat.AsError(err); e == nil || e.Code != chat.CodeShuttingDown {
					t.Errorf("Ask(…) = %v, want the code %s", err, chat.CodeShuttingDown)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("Ask(…) has not returned 5s after Abort, want an error")
			}
		})
	}
}
