package conversation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// oneAtATime checks that no session ever had two turns.
func (s *site) oneAtATime() {
	s.t.Helper()
	for i, turn := range s.sim.Turns() {
		if turn.Overlapped {
			s.t.Errorf("turn %d (%q) overlaps another", i, turn.Text)
		}
	}
}

// hold lets a turn of the session hang in the middle until gate is closed.
func (s *site) hold(r *chat.Request, gate <-chan struct{}) *conversation.Answer {
	s.t.Helper()
	s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done()))
	return s.begin(r)
}

// leave reads an answer up to its first text and goes.
func leave(t *testing.T, a *conversation.Answer) {
	t.Helper()
	for ev, err := range a.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == chat.EventText {
			return
		}
	}
	t.Fatal("no text")
}

// The line for a session holds 16; that the 17th is sent away proves that the
// others wait.
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
	sent := <-done
	e := chat.AsError(sent.err)
	if e == nil || e.Code != chat.CodeSessionBusy || e.Kind != chat.KindConflict || e.RetryAfter <= 0 {
		t.Fatalf("the last in line got %v", sent.err)
	}
	gone := (sent.i + 1) % len(leaves)
	leaves[gone]()
	if left := <-done; left.i != gone || !errors.Is(left.err, context.Canceled) {
		t.Fatalf("waiter %d left with %v, want %d", left.i, left.err, gone)
	}
	if n := len(s.sim.Turns()); n != 2 {
		t.Errorf("%d turns while the session was busy", n)
	}
	close(gate)
	for range waiting - 1 {
		if o := <-done; o.err != nil {
			t.Errorf("waiter %d: %v", o.i, o.err)
		}
	}
	if n := len(s.sim.Turns()); n != 2+waiting-1 {
		t.Errorf("%d turns", n)
	}
	for _, turn := range s.sim.Turns() {
		if turn.Text == fmt.Sprintf("waiter %d.", sent.i) || turn.Text == fmt.Sprintf("waiter %d.", gone) {
			t.Errorf("asked all the same: %q", turn.Text)
		}
	}
	s.oneAtATime()
}

// Who waits for a session that turns out to be lost goes on in its successor.
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
		t.Errorf("%s in %d, want %d", got.placement, got.session, first.session)
	}
	s.oneAtATime()
}

func TestTurnOutlivesItsClient(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done()))
	a, err := s.place(ctx, whole(alice, user("hello")))
	if err != nil {
		t.Fatal(err)
	}
	leave(t, a)
	cancel()
	if err := s.engine.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("drained while a turn runs: %v", err)
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
		t.Errorf("first turn: %+v", turns[0])
	}
	if h := turns[1].History; turns[1].SessionID != a.Session() || len(h) != 1 || h[0].AI != "begun" {
		t.Errorf("second turn in %d after %v", turns[1].SessionID, h)
	}
	s.oneAtATime()
}

// A client that leaves before its question is sent is not asked for.
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
		t.Errorf("got %v", err)
	}
	s.begin(byID(alice, id, user("given up"))).Discard()
	s.expect(s.ask(byID(alice, id, user("next"))), id, chat.PlacementContinued, "next")
	if n := len(s.sim.Attempts()); n != 2 {
		t.Errorf("%d questions", n)
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
		t.Errorf("got %v", got)
	}
	s.drain()
	// Those to come end at once, before anything is made for them.
	sessions := s.sim.Calls(simulator.RouteCreateSession)
	for _, r := range []*chat.Request{whole(alice, user("three")), byID(alice, watched.Session(), user("four"))} {
		if e := s.refused(r, chat.CodeShuttingDown); e.Message != "bye" {
			t.Errorf("got %q", e.Message)
		}
	}
	if n := s.sim.Calls(simulator.RouteCreateSession); n != sessions {
		t.Errorf("%d sessions made after the end", n-sessions)
	}
	close(gate)
	s.await(func() bool { return s.sim.InFlight() == 0 })
}

// A turn that has not come to its question yet ends as well.
func TestAbortWhilePlacing(t *testing.T) {
	for _, tc := range []struct {
		name  string
		route simulator.Route
		ask   func(session int64) *chat.Request
	}{
		{"making a session", simulator.RouteCreateSession, func(int64) *chat.Request { return whole(alice, user("hello")) }},
		{"setting one up", simulator.RouteUpdateSession, func(id int64) *chat.Request { return byID(alice, id, system("new"), user("hello")) }},
		{"waiting for one", "", func(id int64) *chat.Request { return byID(alice, id, user("hello")) }},
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
					t.Errorf("got %v", err)
				}
			case <-time.After(5 * time.Second):
				t.Fatal("still waiting")
			}
		})
	}
}
