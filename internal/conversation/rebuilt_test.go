package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// When a crash interrupts a turn and another request rebuilds its session, the old session still has the answer. A
// repetition gets that answer, and the id and the name still lead to the rebuilt session.
func TestRepetitionAfterARebuild(t *testing.T) {
	for name, request := range map[string]func(id int64, text string) *chat.Request{
		"by id":   func(id int64, text string) *chat.Request { return byID(alice, id, user(text)) },
		"by name": func(_ int64, text string) *chat.Request { return byName(alice, "n", user(text)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := postgresSite(t)
			first := s.ask(byName(alice, "n", user("hello")))
			gate := make(chan struct{})
			session := s.die(plain(request(first.session, "repeated")), gate)
			close(gate)
			s.await(func() bool { return s.sim.InFlight() == 0 })
			rebuilt := s.ask(request(session, "other"))
			s.fresh(rebuilt, chat.PlacementReplayed, session)
			asked := len(s.sim.Turns())
			got := s.ask(request(session, "repeated"))
			if got.placement != chat.PlacementAttached || got.text != "begun" {
				t.Errorf("repetition = %+v, want the stored answer", got)
			}
			s.asked(asked)
			s.continued(s.ask(request(session, "next")), rebuilt.session, "next")
			// After that, the same words are a new question.
			s.continued(s.ask(request(session, "repeated")), rebuilt.session, "repeated")
			s.nothingTaken()
		})
	}
}

// When the turn that rebuilds a session is interrupted and then repeated, the old id leads to the session with its
// answer.
func TestInterruptedRebuild(t *testing.T) {
	s := postgresSite(t)
	first := s.ask(whole(alice, user("hello")))
	ended := make(chan struct{})
	s.die(plain(byID(alice, first.session, user("one"))), ended)
	close(ended)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	gate := make(chan struct{})
	rebuilt := s.die(plain(byID(alice, first.session, user("two"))), gate)
	close(gate)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	got := s.ask(byID(alice, first.session, user("two")))
	if got.session != rebuilt || got.text != "begun" || rebuilt == first.session {
		t.Errorf("repetition = %+v, want the answer in session %d", got, rebuilt)
	}
	s.continued(s.ask(byID(alice, first.session, user("next"))), rebuilt, "next")
	s.nothingTaken()
}

// seedShaper is a Shaper that records the seeds that it gets.
type seedShaper struct{ seeds [][16]byte }

func (s *seedShaper) SetCallSeed(seed [16]byte, _ func(id, name, arguments string) string) {
	s.seeds = append(s.seeds, seed)
}

func (*seedShaper) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	pass(ev)
	return "", nil
}

// An answer that is shaped again after a crash has calls with the ids that its client may already have. Every other
// answer has other ids.
func TestCallSeedSurvivesACrash(t *testing.T) {
	s := postgresSite(t)
	first, again, other := new(seedShaper), new(seedShaper), new(seedShaper)
	question := func(shaper *seedShaper) conversation.Question {
		return conversation.Question{Request: whole(alice, user("hello")), Shaper: shaper}
	}
	gate := make(chan struct{})
	s.die(question(first), gate)
	close(gate)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	for _, shaper := range []*seedShaper{again, other} {
		s.askQuestion(question(shaper))
	}
	want := first.seeds[0]
	if got := again.seeds[len(again.seeds)-1]; got != want {
		t.Errorf("seed of the resumed answer = %x, want %x", got, want)
	}
	if got := other.seeds[len(other.seeds)-1]; got == want {
		t.Errorf("seed of another answer = %x, want another", got)
	}
	s.asked(2)
}
