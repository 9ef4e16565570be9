package conversation_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// lateRelease is a store whose next AttachOrBegin fails. It releases what that call may have taken only when gate is
// closed.
type lateRelease struct {
	*flaky
	fails    bool
	gate     chan struct{}
	released chan struct{}
}

func (l *lateRelease) AttachOrBegin(ctx context.Context, e conversation.TurnRequest) (conversation.TurnResult, error) {
	if l.fails {
		l.fails = false
		return conversation.TurnResult{}, errDown
	}
	return l.flaky.AttachOrBegin(ctx, e)
}

func (l *lateRelease) Release(ctx context.Context, token conversation.Token, id int64, head conversation.Hash) error {
	<-l.gate
	defer close(l.released)
	return l.flaky.Release(ctx, token, id, head)
}

// When the outcome of AttachOrBegin is not known, what it may have taken is released later. The session that the turn
// takes afterwards stays taken.
func TestLateReleaseKeepsTheSessionOfTheTurn(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	store := &lateRelease{flaky: s.flaky, fails: true, gate: make(chan struct{}), released: make(chan struct{})}
	s.options.Store = store
	s.restart()
	end := make(chan struct{})
	s.sim.Script(simulator.Stream(simulator.Wait(end), simulator.Deltas("more"), simulator.Object(), simulator.Done()))
	a := s.begin(whole(alice, user("hello"), assistant(first.text), user("next")))
	done := s.finishLater(a)
	s.await(func() bool { return s.sim.InFlight() == 1 })
	close(store.gate)
	<-store.released
	s.checkTaken(first.session)
	close(end)
	if got := <-done; got.session != first.session || got.text != "more" {
		t.Errorf("answer = %+v, want %q in session %d", got, "more", first.session)
	}
}

// A repetition does not get its answer from a session that the turn took and did not use, because the newest
// answer there is an earlier one.
func TestRepetitionIsNotAnsweredFromAnUnusedSession(t *testing.T) {
	s := plainSite(t)
	ask := func(r *chat.Request, repairs int) (result, error) {
		a, err := s.engine.Ask(t.Context(), conversation.Question{Request: r, Repairs: repairs})
		if err != nil {
			return result{}, err
		}
		return finish(a)
	}
	one := s.ask(whole(alice, user("hello")))
	two := s.ask(whole(alice, user("hello"), assistant(one.text), user("continue")))
	request := func() *chat.Request {
		return whole(alice, user("hello"), assistant(one.text), user("continue"), assistant(two.text), user("continue"))
	}
	s.sim.Script(simulator.CutShort(""))
	if got, err := ask(request(), 100); err == nil { // more repairs than the session has room for
		t.Fatalf("Ask = %+v, want an error", got)
	}
	asked := len(s.sim.Turns())
	got, err := ask(marked(request()), 100)
	if err != nil || got.placement == chat.PlacementAttached || len(s.sim.Turns()) != asked+1 {
		t.Errorf("repetition = %+v, %v after %d new questions, want an answer to a new question", got, err, len(s.sim.Turns())-asked)
	}
}

// The turn of a key ends properly, also when its session was taken from it: a whole answer is stored, and a
// failure frees the key.
func TestKeyOfATurnThatLostItsSession(t *testing.T) {
	for name, want := range map[string]int{"whole": 1, "failed": 2} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			end := make(chan struct{})
			steps := []simulator.Step{simulator.Wait(end), simulator.Deltas("more")}
			if name == "whole" {
				steps = append(steps, simulator.Object(), simulator.Done())
			}
			s.sim.Script(simulator.Stream(steps...))
			a := s.begin(keyed("k", whole(alice, user("hello"))))
			done := make(chan error)
			go func() {
				_, err := finish(a)
				done <- err
			}()
			s.await(func() bool { return s.sim.InFlight() == 1 })
			got, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), a.Session())
			if err != nil {
				t.Fatal(err)
			}
			// The store loses the commit that took the session.
			if err := s.keep.Release(t.Context(), got.Turn, got.ID, conversation.Hash{}); err != nil {
				t.Fatal(err)
			}
			close(end)
			<-done
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			again, err := s.try(ctx, keyed("k", whole(alice, user("hello"))))
			if asked := len(s.sim.Turns()); err != nil || asked != want || want == 1 && again.text != "more" {
				t.Errorf("repetition = %+v, %v after %d questions, want %d", again, err, asked, want)
			}
		})
	}
}

// When a client leaves a turn of another process that has failed meanwhile, the next client does not wait for that
// turn.
func TestAttachedClientOfAFailedTurnLeaves(t *testing.T) {
	s := plainSite(t)
	row := conversation.StoredTurn{Token: conversation.Token{1}, Caller: alice.ID, ClientLeft: true, NoOutput: true}
	request := whole(alice, user("hello"))
	row.Request = s.engine.Fingerprint(request)
	if err := s.keep.SaveTurn(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	a := s.begin(request) // another process has the turn
	if a.Placement() != chat.PlacementAttached {
		t.Fatalf("placement = %s, want attached", a.Placement())
	}
	if err := s.keep.Forget(t.Context(), row.Token); err != nil {
		t.Fatal(err)
	}
	a.MarkClientLeft()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if got, err := s.try(ctx, request); err != nil || got.placement != chat.PlacementNew {
		t.Errorf("next request = %+v, %v, want the placement %s", got, err, chat.PlacementNew)
	}
}

// When the store is away at the moment when a client leaves, the answer is stored at the end of the turn, or when the
// store is available again.
func TestClientLeavesWhileTheStoreIsAway(t *testing.T) {
	for _, isWhole := range []bool{false, true} {
		s := plainSite(t)
		store := &failingLeave{flaky: s.flaky}
		s.options.Store = store
		s.restart()
		store.fails.Store(true)
		request := func() *chat.Request { return whole(alice, user("hello")) }
		a := s.begin(request())
		for ev := range a.Events() {
			if !isWhole || ev.Kind == chat.EventDone {
				break
			}
		}
		if isWhole {
			a.MarkClientLeft()
		}
		s.drain()
		store.fails.Store(false)
		if got := s.ask(request()); got.placement != chat.PlacementAttached || len(s.sim.Turns()) != 1 {
			t.Errorf("whole %t: repetition = %+v after %d questions, want attached after 1", isWhole, got, len(s.sim.Turns()))
		}
	}
}

type failingLeave struct {
	*flaky
	fails atomic.Bool
}

func (f *failingLeave) SaveTurn(ctx context.Context, t conversation.StoredTurn) error {
	if f.fails.Load() {
		return errDown
	}
	return f.flaky.SaveTurn(ctx, t)
}

// A stored question is the text that was sent, with or without the preamble. A question that ends with the same
// words is not.
func TestSentIsIn(t *testing.T) {
	for question, want := range map[string]bool{
		"ok": true, " ok\r\n": true, "told\n\nok": true, "is that ok": false, "is that\n\nok": false, "k": false, "": false,
	} {
		if got := conversation.IsSentIn("ok", question, "told"); got != want {
			t.Errorf("IsSentIn(ok, %q) = %t, want %t", question, got, want)
		}
	}
}
