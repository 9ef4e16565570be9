package conversation_test

import (
	"strings"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// last returns the newest question that reached the model.
func (s *site) last() simulator.Turn {
	s.t.Helper()
	turns := s.sim.Turns()
	if len(turns) == 0 {
		s.t.Fatal("Turns() = none, want a question that reached the model")
	}
	return turns[len(turns)-1]
}

// checkAnswer checks where an answer came from and what the model was asked there.
func (s *site) checkAnswer(got result, session int64, p chat.Placement, asked string) {
	s.t.Helper()
	if got.session != session || got.placement != p {
		s.t.Errorf("answer = %s in session %d, want %s in %d", got.placement, got.session, p, session)
	}
	turn := s.last()
	if turn.SessionID != session || turn.Text != asked {
		s.t.Errorf("last question = %q in session %d, want %q in %d", turn.Text, turn.SessionID, asked, session)
	}
}

// continued checks that an answer came from that session, and that only the new message was sent to it.
func (s *site) continued(got result, session int64, asked string) {
	s.t.Helper()
	s.checkAnswer(got, session, chat.PlacementContinued, asked)
}

// checkLastText checks that the newest question contains the texts, in this order.
func (s *site) checkLastText(texts ...string) {
	s.t.Helper()
	rest := s.last().Text
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			s.t.Errorf("last question = %q, want %q in this order, and it has no %q there", s.last().Text, texts, text)
			return
		}
		rest = after
	}
}

// fresh checks that an answer came from a session that is none of the old ones.
func (s *site) fresh(got result, p chat.Placement, old ...int64) {
	s.t.Helper()
	if got.placement != p {
		s.t.Errorf("placement = %s, want %s", got.placement, p)
	}
	for _, id := range old {
		if got.session == id {
			s.t.Errorf("session = %d, want none of %v", got.session, old)
		}
	}
	if asked := s.last().SessionID; asked != got.session {
		s.t.Errorf("session = %d, want %d, which the question reached", got.session, asked)
	}
}

// asked checks how many questions reached the model.
func (s *site) asked(want int) {
	s.t.Helper()
	if n := len(s.sim.Turns()); n != want {
		s.t.Errorf("platform got %d questions, want %d", n, want)
	}
}

// oneAtATime checks that no session ever had two turns.
func (s *site) oneAtATime() {
	s.t.Helper()
	for i, turn := range s.sim.Turns() {
		if turn.Overlapped {
			s.t.Errorf("turn %d (%q) overlaps another, want one at a time", i, turn.Text)
		}
	}
}

// checkTaken checks that the store has a session of alice as taken.
func (s *site) checkTaken(id int64) {
	s.t.Helper()
	got, err := s.keep.Session(s.t.Context(), conversation.OwnerOf(alice.ID), id)
	if err != nil {
		s.t.Fatal(err)
	}
	if got.State != conversation.StateTaken {
		s.t.Errorf("state of session %d = %s, want %s while its turn runs", id, got.State, conversation.StateTaken)
	}
}
