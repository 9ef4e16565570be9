package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

func TestNameIsContinued(t *testing.T) {
	s := plainSite(t)
	first := s.ask(byName(alice, "n", user("hello")))
	s.fresh(first, chat.PlacementNew)
	s.checkAnswer(s.ask(byName(alice, "n", system("be brief"), user("next"))), first.session, chat.PlacementContinued, "next")
	if turn := s.last(); turn.Prompt != "be brief" || len(turn.History) != 1 {
		t.Errorf("turn = prompt %q after %v, want %q after 1 exchange", turn.Prompt, turn.History, "be brief")
	}

	others := []*chat.Request{
		byName(bob, "n", user("hello")), byName(alice, "m", user("hello")), byName(alice, "n", user("hello")),
	}
	others[2].Model = otherModel
	for _, r := range others {
		s.fresh(s.ask(r), chat.PlacementNew, first.session)
	}
	s.checkAnswer(s.ask(byName(alice, "n", user("more"))), first.session, chat.PlacementContinued, "more")
}

func TestNameWithHistory(t *testing.T) {
	for _, tc := range []struct {
		name     string
		messages []chat.Message
		want     chat.Placement
	}{
		{"an answer", []chat.Message{user("q"), assistant("a"), user("q-two")}, chat.PlacementReplayed},
		{"two user messages", []chat.Message{user("q"), user("q-two")}, chat.PlacementNew},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			one := s.ask(byName(alice, "n", user("hello")))
			two := s.ask(byName(alice, "n", tc.messages...))
			s.fresh(two, tc.want, one.session)
			s.checkLastText("q", "q-two")
			three := s.ask(byName(alice, "n", user("hello")))
			s.fresh(three, chat.PlacementNew, one.session, two.session)
			four := s.ask(byName(alice, "n", user("hello")))
			s.fresh(four, chat.PlacementNew, one.session, two.session, three.session)
		})
	}
}

// A first turn that is refused has already created the session of the name.
func TestNameAfterARefusedFirstTurn(t *testing.T) {
	s := plainSite(t)
	s.askRefused(byName(alice, "n", user(simulator.BlockedText)), chat.CodeContentFilter)
	id := s.sim.Sessions()[0].ID
	s.checkAnswer(s.ask(byName(alice, "n", user("hello"))), id, chat.PlacementContinued, "hello")
}

// First messages of a name that arrive at the same time get one session.
func TestNameIsTakenOnce(t *testing.T) {
	s := newSite(t, simulator.Options{}, false)
	gate := make(chan struct{})
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &simulator.Reply{Text: "ok", Gate: gate} })
	done := make(chan error)
	for range 5 {
		go func() {
			_, err := s.try(t.Context(), byName(alice, "n", user("hello")))
			done <- err
		}()
	}
	s.await(func() bool { return s.sim.InFlight() == 1 })
	close(gate)
	for range 5 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := len(s.sim.Sessions()); n != 1 || len(s.sim.Turns()) != 5 {
		t.Errorf("platform has %d sessions and got %d questions, want 1 and 5", n, len(s.sim.Turns()))
	}
	s.oneAtATime()
}

func TestNameOfALostSession(t *testing.T) {
	s := plainSite(t)
	first := s.ask(byName(alice, "n", user("hello")))
	s.sim.Forget(first.session)
	second := s.ask(byName(alice, "n", user("again")))
	s.fresh(second, chat.PlacementNew, first.session)
	s.checkAnswer(s.ask(byName(alice, "n", user("more"))), second.session, chat.PlacementContinued, "more")
}
