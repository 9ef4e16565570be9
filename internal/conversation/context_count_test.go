package conversation_test

import (
	"fmt"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// A session by name moves in the same way. Only the platform has its history.
func TestContextCountByName(t *testing.T) {
	s := newSite(t, simulator.Options{MaxContextCount: 2}, false)
	first := s.ask(byName(alice, "n", user("q-0")))
	for i := 1; i <= 2; i++ {
		s.continued(s.ask(byName(alice, "n", user(fmt.Sprint("q-", i)))), first.session, fmt.Sprint("q-", i))
	}
	got := s.ask(byName(alice, "n", user("q-3")))
	s.fresh(got, chat.PlacementReplayed, first.session)
	s.checkLastText("q-0", "q-1", "q-2", "q-3")
	s.continued(s.ask(byID(alice, first.session, user("by the old id"))), got.session, "by the old id")
}

// Questions that the owner asks on the platform's own site count, too.
func TestContextCountWithForeignQuestions(t *testing.T) {
	for name, place := range map[string]func(first int64, m chat.Message) *chat.Request{
		"by name": func(_ int64, m chat.Message) *chat.Request { return byName(alice, "n", m) },
		"by id":   func(first int64, m chat.Message) *chat.Request { return byID(alice, first, m) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, simulator.Options{MaxContextCount: 3}, false)
			first := s.ask(byName(alice, "n", user("q-0")))
			s.continued(s.ask(place(first.session, user("q-1"))), first.session, "q-1")
			s.sim.AppendRecord(first.session, "typed-1", "a")
			s.sim.AppendRecord(first.session, "typed-2", "a")
			s.unverify()
			got := s.ask(place(first.session, user("q-2")))
			s.fresh(got, chat.PlacementReplayed, first.session)
			s.checkLastText("q-0", "q-1", "typed-1", "typed-2", "q-2")
		})
	}
}

// repairShaper is a shaper that asks for so many repairs.
type repairShaper struct{ times int }

func (a *repairShaper) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind == chat.EventDone && a.times > 0 {
		a.times--
		return "again, please", nil
	}
	if ev.Kind == chat.EventDone || a.times == 0 {
		pass(ev)
	}
	return "", nil
}

// Repairs are exchanges of the session and not of the transcript. The chat stays in one session, and moves before the
// model would not get the first exchange any more.
func TestRepairsCount(t *testing.T) {
	s := newSite(t, simulator.Options{MaxContextCount: 5}, false)
	var transcript []chat.Message
	var sessions []int64
	for i := range 4 {
		transcript = append(transcript, user(fmt.Sprint("q-", i)))
		got := s.askQuestion(conversation.Question{
			Request: whole(alice, transcript...), Repairs: 1, Shaper: &repairShaper{times: 1},
		})
		transcript = append(transcript, assistant(got.text))
		sessions = append(sessions, got.session)
		if turn := s.last(); turn.Text != "again, please" || len(turn.History) == 0 {
			t.Fatalf("last question = %q after %d exchanges, want the repair after some", turn.Text, len(turn.History))
		}
	}
	// Before the questions there are 0, 2, 4 and 6 exchanges. The last is too many.
	if sessions[0] != sessions[1] || sessions[1] != sessions[2] || sessions[2] == sessions[3] {
		t.Errorf("sessions = %v, want the same three times and then another", sessions)
	}
}

// A replay that is too long for the platform is an error. It is never shortened.
func TestReplayThatDoesNotFit(t *testing.T) {
	s := newSite(t, simulator.Options{MaxText: 1000}, false)
	long := assistant(fmt.Sprintf("%01200d", 7))
	e := s.askRefused(whole(alice, user("hello"), long, user("next")), chat.CodeContextLengthExceeded)
	if e.Kind != chat.KindInvalid {
		t.Errorf("kind = %d, want %d", e.Kind, chat.KindInvalid)
	}
	s.asked(0)
}

func TestContextCount(t *testing.T) {
	for _, tc := range []struct {
		name         string
		maxExchanges int // that the platform adds to a question
	}{{"as asked", 65}, {"less than asked", 3}} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, simulator.Options{MaxContextCount: tc.maxExchanges}, false)
			transcript := []chat.Message{user("q-0")}
			first := s.ask(whole(alice, transcript...))
			last := first
			for i := 1; i <= tc.maxExchanges; i++ {
				transcript = append(transcript, assistant(last.text), user(fmt.Sprint("q-", i)))
				last = s.ask(whole(alice, transcript...))
				if last.session != first.session {
					t.Fatalf("question %d = %s in session %d, want %d", i, last.placement, last.session, first.session)
				}
			}
			if n := len(s.last().History); n != tc.maxExchanges {
				t.Fatalf("exchanges before the last question = %d, want %d", n, tc.maxExchanges)
			}
			// With one more, the model would not get the first exchange.
			transcript = append(transcript, assistant(last.text), user("one more"))
			got := s.ask(whole(alice, transcript...))
			s.fresh(got, chat.PlacementReplayed, first.session)
			s.checkLastText("q-0", first.text, fmt.Sprint("q-", tc.maxExchanges), "one more")
			transcript = append(transcript, assistant(got.text), user("and on"))
			s.continued(s.ask(whole(alice, transcript...)), got.session, "and on")
		})
	}
}
