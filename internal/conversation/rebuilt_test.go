package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// A session that a crash interrupted and another request rebuilt has the answer still: the
// repetition gets it, and the id and the name go on leading to the session that was rebuilt.
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
			// Once it is answered, the same words are another question.
			s.continued(s.ask(request(session, "repeated")), rebuilt.session, "repeated")
			s.nothingTaken()
		})
	}
}

// When the turn that rebuilds a session is interrupted, and repeated, the old id leads to
// the session that has its answer.
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

// seeded is a Shaper that notes the seeds of its calls.
type seeded struct{ seeds [][16]byte }

func (s *seeded) SetCallSeed(seed [16]byte) { s.seeds = append(s.seeds, seed) }

func (*seeded) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	pass(ev)
	return "", nil
}

// An answer that is shaped again after a crash has calls with the ids that its client may
// have seen, and any other answer has its own.
func TestCallSeedOutlivesACrash(t *testing.T) {
	s := postgresSite(t)
	first, again, other := new(seeded), new(seeded), new(seeded)
	question := func(shaper *seeded) conversation.Question {
		return conversation.Question{Request: whole(alice, user("hello")), Shaper: shaper}
	}
	gate := make(chan struct{})
	s.die(question(first), gate)
	close(gate)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	for _, shaper := range []*seeded{again, other} {
		a, err := s.engine.Ask(t.Context(), question(shaper))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := finish(a); err != nil {
			t.Fatal(err)
		}
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
