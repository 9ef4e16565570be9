package conversation_test

import (
	"context"
	"errors"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// A client leaves only once. Another client may have attached to the answer before the handler of the first one
// notices, and a third client must not share that answer.
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
		t.Errorf("placement of the third client = %s, want %s while the second is attached", third.Placement(), chat.PlacementNew)
	}
	third.Discard()
	close(end)
	if got, err := finish(second); err != nil || got.text != "begun" {
		t.Errorf("answer of the second client = %+v, %v, want begun", got, err)
	}
}

// attachOnce places a request until it attaches, because the engine needs a moment to notice that another client has
// left.
func (s *site) attachOnce(r *chat.Request) *conversation.Answer {
	s.t.Helper()
	for s.t.Context().Err() == nil {
		a := s.begin(r)
		if a.Placement() == chat.PlacementAttached {
			return a
		}
		a.Discard()
	}
	s.t.Fatal("placement = new until the end of the test, want attached")
	return nil
}

// Each choice of a request with a key is a turn of its own.
func TestKeyOfSeveralChoices(t *testing.T) {
	s := plainSite(t)
	ask := func(choice int) result {
		t.Helper()
		r := keyed("k", whole(alice, user("hello")))
		r.N = 2
		return s.askQuestion(conversation.Question{Request: r, Choice: choice})
	}
	first := []result{ask(0), ask(1)}
	for choice, was := range first {
		got := ask(choice)
		if got.placement != chat.PlacementAttached || got.session != was.session || was.placement != chat.PlacementNew {
			t.Errorf("repetition of choice %d = %+v, want %+v, attached", choice, got, was)
		}
	}
	s.askRefused(keyed("k", whole(alice, user("other"))), chat.CodeIdempotencyMismatch)
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

// An answer that was cut for its client is whole, even if the rest, which no client gets, fails.
func TestCutAnswerIsWhole(t *testing.T) {
	s := plainSite(t)
	s.sim.Script(simulator.CutShort("half"))
	ask := func() result {
		t.Helper()
		return s.askQuestion(conversation.Question{Request: keyed("k", whole(alice, user("hello"))), Shaper: cutter{}})
	}
	first := ask()
	s.drain()
	if again := ask(); again.placement != chat.PlacementAttached || again.text != first.text {
		t.Errorf("repetition = %+v, want %+v, attached", again, first)
	}
	s.asked(1)
	// The session contains more than its client knows.
	got := s.ask(whole(alice, user("hello"), assistant(first.text), user("next")))
	s.fresh(got, chat.PlacementReplayed, first.session)
}

// panickingShaper panics at the end of an answer.
type panickingShaper struct{}

func (panickingShaper) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind == chat.EventDone {
		panic("a fault")
	}
	pass(ev)
	return "", nil
}

// A panic while an answer is read leaves no session taken, and ends no other turn.
func TestPanics(t *testing.T) {
	t.Run("while the client reads", func(t *testing.T) {
		s := plainSite(t)
		_, err := finish(s.beginShaped(panickingShaper{}))
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeInternal {
			t.Errorf("Events() = %v, want an error with the code %s", err, chat.CodeInternal)
		}
		s.nothingTaken()
	})
	t.Run("when the client has left", func(t *testing.T) {
		s := plainSite(t)
		leave(t, s.beginShaped(panickingShaper{}))
		s.nothingTaken()
	})
	t.Run("of the caller of Events", func(t *testing.T) {
		s := plainSite(t)
		a := s.beginShaped(nil)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("recover() = nil, want the panic of the loop")
				}
			}()
			for range a.Events() {
				panic("a fault")
			}
		}()
		s.nothingTaken()
	})
}

// beginShaped places a request whose answer is shaped.
func (s *site) beginShaped(shaper conversation.Shaper) *conversation.Answer {
	s.t.Helper()
	return s.beginQuestion(conversation.Question{Request: whole(alice, user("hello")), Shaper: shaper})
}

// When a client leaves while its session is created, the store knows the session, so that the clean-up can delete it.
func TestClientLeavesWhileItsSessionIsCreated(t *testing.T) {
	s := plainSite(t)
	s.stop() // the clean-up may delete the useless session at any moment
	arrived, proceed := s.holdCall(simulator.RouteCreateSession)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := s.place(ctx, whole(alice, user("hello")))
		failed <- err
	}()
	<-arrived
	cancel()
	proceed()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("Ask(…) = %v, want %v", err, context.Canceled)
	}
	s.drain()
	created := s.sim.Sessions()
	if len(created) != 1 || len(s.sim.Attempts()) != 0 {
		t.Fatalf("platform has %d sessions and got %d questions, want 1 and 0", len(created), len(s.sim.Attempts()))
	}
	stored, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), created[0].ID)
	if err != nil || stored.State == conversation.StateTaken {
		t.Errorf("Session(%d) = %+v, %v, want one that is not taken", created[0].ID, stored, err)
	}
}
