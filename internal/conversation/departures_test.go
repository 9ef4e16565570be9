package conversation_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// A client leaves once. Another may have come for its answer by the time that its
// own handler finds out, and is not to share it with a third.
func TestClientLeavesOnce(t *testing.T) {
	s := plainSite(t)
	text, end := make(chan struct{}), make(chan struct{})
	s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(text), simulator.Deltas("gun"),
		simulator.Wait(end), simulator.Object(), simulator.Done()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first, err := s.place(ctx, streamed(whole(alice, user("hello"))))
	if err != nil {
		t.Fatal(err)
	}
	heard, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for ev := range first.Events() {
			if ctx.Err() != nil {
				break
			}
			if ev.Kind == chat.EventText {
				close(heard)
			}
		}
		first.MarkClientLeft()
	}()
	<-heard
	cancel()
	second := s.attachOnce(marked(whole(alice, user("hello"))))
	close(text)
	<-gone
	third := s.begin(marked(whole(alice, user("hello"))))
	if third.Placement() != chat.PlacementNew {
		t.Errorf("two live clients share an answer: %s", third.Placement())
	}
	third.Discard()
	close(end)
	if got, err := finish(second); err != nil || got.text != "begun" {
		t.Errorf("%+v, %v", got, err)
	}
}

// attachOnce places a request until it attaches: that another client has left takes
// a moment to be noted.
func (s *site) attachOnce(r *chat.Request) *conversation.Answer {
	s.t.Helper()
	for s.t.Context().Err() == nil {
		a := s.begin(r)
		if a.Placement() == chat.PlacementAttached {
			return a
		}
		a.Discard()
	}
	s.t.Fatal("not attached")
	return nil
}

// Each choice of a request with a key is a turn of its own.
func TestKeyOfSeveralChoices(t *testing.T) {
	s := plainSite(t)
	ask := func(choice int) result {
		t.Helper()
		r := keyed("k", whole(alice, user("hello")))
		r.N = 2
		a, err := s.engine.Ask(t.Context(), conversation.Question{Request: r, Choice: choice})
		if err != nil {
			t.Fatal(err)
		}
		got, err := finish(a)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := []result{ask(0), ask(1)}
	for choice, was := range first {
		got := ask(choice)
		if got.placement != chat.PlacementAttached || got.session != was.session || was.placement != chat.PlacementNew {
			t.Errorf("choice %d: first %+v, then %+v", choice, was, got)
		}
	}
	s.refused(keyed("k", whole(alice, user("other"))), chat.CodeIdempotencyMismatch)
}

// cutter ends the client's answer at its first text, as a stop sequence does.
type cutter struct{}

func (cutter) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind == chat.EventText {
		pass(ev)
		pass(chat.Event{Kind: chat.EventDone, Cut: true})
	}
	return "", nil
}

// An answer that was cut for its client is whole, whatever becomes of the rest that
// nobody gets.
func TestCutAnswerIsWhole(t *testing.T) {
	s := plainSite(t)
	s.sim.Script(simulator.CutShort("half"))
	ask := func() result {
		t.Helper()
		a, err := s.engine.Ask(t.Context(), conversation.Question{Request: keyed("k", whole(alice, user("hello"))), Shaper: cutter{}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := finish(a)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := ask()
	s.drain()
	if again := ask(); again.placement != chat.PlacementAttached || again.text != first.text {
		t.Errorf("first %+v, then %+v", first, again)
	}
	s.asked(1)
	// The session holds more than its client knows.
	got := s.ask(whole(alice, user("hello"), assistant(first.text), user("next")))
	s.fresh(got, chat.PlacementReplayed, first.session)
}

// faulty panics at the end of an answer.
type faulty struct{}

func (faulty) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind == chat.EventDone {
		panic("a fault")
	}
	pass(ev)
	return "", nil
}

// A panic on the way of an answer leaves no session taken, and ends no other turn.
func TestPanics(t *testing.T) {
	t.Run("while the client is there", func(t *testing.T) {
		s := plainSite(t)
		_, err := finish(s.shaped(faulty{}))
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeInternal {
			t.Errorf("%v", err)
		}
		s.nothingTaken()
	})
	t.Run("when it has left", func(t *testing.T) {
		s := plainSite(t)
		leave(t, s.shaped(faulty{}))
		s.nothingTaken()
	})
	t.Run("of who takes the answer", func(t *testing.T) {
		s := plainSite(t)
		a := s.shaped(nil)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			for range a.Events() {
				panic("a fault")
			}
		}()
		s.nothingTaken()
	})
}

// shaped places a request whose answer is shaped.
func (s *site) shaped(shaper conversation.Shaper) *conversation.Answer {
	s.t.Helper()
	a, err := s.engine.Ask(s.t.Context(), conversation.Question{Request: whole(alice, user("hello")), Shaper: shaper})
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// A client that leaves while its session is being made leaves none behind that only
// the platform knows: nobody would ever delete it.
func TestClientLeavesWhileItsSessionIsMade(t *testing.T) {
	s := plainSite(t)
	s.stop() // the clean-up may delete the useless session at any moment
	arrived, proceed := make(chan struct{}), make(chan struct{})
	wait := func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		close(arrived)
		<-proceed
		usual(w, r)
	}
	s.sim.InterceptOnce(simulator.RouteCreateSession, wait)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := s.place(ctx, whole(alice, user("hello")))
		failed <- err
	}()
	<-arrived
	cancel()
	close(proceed)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("placed with %v", err)
	}
	s.drain()
	made := s.sim.Sessions()
	if len(made) != 1 || len(s.sim.Attempts()) != 0 {
		t.Fatalf("%d sessions, %d questions", len(made), len(s.sim.Attempts()))
	}
	known, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), made[0].ID)
	if err != nil || known.State == conversation.StateTaken {
		t.Errorf("%+v, %v", known, err)
	}
}
