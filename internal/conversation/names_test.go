package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

func TestNameGoesOn(t *testing.T) {
	s := plainSite(t)
	first := s.ask(byName(alice, "n", user("hello")))
	s.fresh(first, chat.PlacementNew)
	s.expect(s.ask(byName(alice, "n", system("be brief"), user("next"))), first.session, chat.PlacementContinued, "next")
	if turn := s.last(); turn.Prompt != "be brief" || len(turn.History) != 1 {
		t.Errorf("prompt %q, history %v", turn.Prompt, turn.History)
	}

	others := []*chat.Request{
		byName(bob, "n", user("hello")), byName(alice, "m", user("hello")), byName(alice, "n", user("hello")),
	}
	others[2].Model = otherModel
	for _, r := range others {
		s.fresh(s.ask(r), chat.PlacementNew, first.session)
	}
	s.expect(s.ask(byName(alice, "n", user("more"))), first.session, chat.PlacementContinued, "more")
}

func TestNameThatCameWithHistory(t *testing.T) {
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
			s.saw("q", "q-two")
			three := s.ask(byName(alice, "n", user("hello")))
			s.fresh(three, chat.PlacementNew, one.session, two.session)
			four := s.ask(byName(alice, "n", user("hello")))
			s.fresh(four, chat.PlacementNew, one.session, two.session, three.session)
		})
	}
}

// A first turn that is refused has made the name's session already.
func TestNameAfterARefusedFirstTurn(t *testing.T) {
	s := plainSite(t)
	s.refused(byName(alice, "n", user(simulator.BlockedText)), chat.CodeContentFilter)
	id := s.sim.Sessions()[0].ID
	s.expect(s.ask(byName(alice, "n", user("hello"))), id, chat.PlacementContinued, "hello")
}

// Racing first messages of a name meet in one session.
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
		t.Errorf("%d sessions, %d turns", n, len(s.sim.Turns()))
	}
	s.oneAtATime()
}

func TestNameOfALostSession(t *testing.T) {
	s := plainSite(t)
	first := s.ask(byName(alice, "n", user("hello")))
	s.sim.Forget(first.session)
	second := s.ask(byName(alice, "n", user("again")))
	s.fresh(second, chat.PlacementNew, first.session)
	s.expect(s.ask(byName(alice, "n", user("more"))), second.session, chat.PlacementContinued, "more")
}
