package conversation_test

import (
	"net/http"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

func TestNewSession(t *testing.T) {
	s := plainSite(t)
	got := s.ask(whole(alice, user("hello")))
	s.expect(got, s.sim.Sessions()[0].ID, chat.PlacementNew, "hello")
	if got.text != "answer 1 to: hello" {
		t.Errorf("answer %q", got.text)
	}
}

func TestHistoryIsReplayed(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("q-one")))
	got := s.ask(whole(alice, system("be brief"), user("q-one"), assistant("a-one"), user("q-two"), assistant("a-two"),
		system("late"), user("q-three")))
	s.fresh(got, chat.PlacementReplayed, first.session)
	s.saw(" user]]\nq-one\n", " assistant]]\na-one\n", " user]]\nq-two\n", " assistant]]\na-two\n", " system]]\nlate\n", " user]]\nq-three\n", " end]]")
	if turn := s.last(); turn.Prompt != "be brief" || len(turn.History) != 0 {
		t.Errorf("prompt %q, history %v", turn.Prompt, turn.History)
	}
}

// Two messages that no answer parts are framed, in a session that is new.
func TestTwoUserMessagesAreNew(t *testing.T) {
	s := plainSite(t)
	got := s.ask(whole(alice, user("q-one"), user("q-two")))
	s.fresh(got, chat.PlacementNew)
	s.saw(" user]]\nq-one\n", " user]]\nq-two\n", " end]]")
}

// The name of a lone user message reaches the model, and the chat goes on in its
// session.
func TestALoneMessageWithANameIsFramed(t *testing.T) {
	s := plainSite(t)
	ann := chat.Message{Role: chat.RoleUser, Name: "ann", Text: "q-one"}
	first := s.ask(whole(alice, ann))
	s.fresh(first, chat.PlacementNew)
	s.saw(` user name="ann"]]` + "\nq-one\n")
	bob := chat.Message{Role: chat.RoleUser, Name: "bob", Text: "q-two"}
	got := s.ask(whole(alice, ann, assistant(first.text), bob))
	if got.session != first.session {
		t.Errorf("session = %d, want %d", got.session, first.session)
	}
	s.saw(` user name="bob"]]` + "\nq-two\n")
}

func TestByIDSendsWhatFollowsTheLastAnswer(t *testing.T) {
	for _, tc := range []struct {
		name     string
		messages []chat.Message
		saw      []string
		framed   bool
	}{
		{"a lone message", []chat.Message{user("next")}, []string{"next"}, false},
		{"history before it", []chat.Message{user("never said"), assistant("never answered"), user("next")}, []string{"next"}, false},
		{"several messages", []chat.Message{user("x"), assistant("y"), user("next"), user("and"), {Role: chat.RoleTool, Text: "42", ToolCallID: "c1"}},
			[]string{" user]]\nnext", " user]]\nand", ` tool id="c1"]]` + "\n42"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("hello")))
			got := s.ask(byID(alice, first.session, tc.messages...))
			turn := s.last()
			if tc.framed {
				s.saw(tc.saw...)
			} else {
				s.expect(got, first.session, chat.PlacementContinued, tc.saw[0])
			}
			if got.session != first.session || turn.Number != 2 || len(turn.History) != 1 ||
				turn.History[0].AI != first.text {
				t.Errorf("session %d, exchange %d after %v", got.session, turn.Number, turn.History)
			}
		})
	}
}

func TestByIDNeedsSomethingToSend(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	e := s.refused(byID(alice, first.session, user("hello"), assistant("hi")), chat.CodeInvalidValue)
	if e.Kind != chat.KindInvalid || e.Param != "messages" {
		t.Errorf("kind %d, param %q", e.Kind, e.Param)
	}
	if n := len(s.sim.Attempts()); n != 1 {
		t.Errorf("%d questions", n)
	}
	s.expect(s.ask(byID(alice, first.session, user("next"))), first.session, chat.PlacementContinued, "next")
}

// With keys, ids that are not the caller's are alike, and none is looked for.
func TestIDsOfOthers(t *testing.T) {
	s := plainSite(t)
	mine := s.ask(whole(alice, user("secret")))
	ids := map[string]int64{"another caller's": mine.session, "unknown": foreignID, "of the account": s.sim.AddSession(model)}
	said := map[chat.Error]bool{}
	for name, id := range ids {
		e := s.refused(byID(bob, id, user("tell me")), chat.CodeSessionNotFound)
		if e.Kind != chat.KindNotFound {
			t.Errorf("%s: kind %d", name, e.Kind)
		}
		said[e] = true
	}
	if len(said) != 1 {
		t.Errorf("told apart: %v", said)
	}
	if n, lists := len(s.sim.Attempts()), s.sim.Calls(simulator.RouteListSessions); n != 1 || lists != 0 {
		t.Errorf("%d questions, %d listings", n, lists)
	}
	s.expect(s.ask(byID(alice, mine.session, user("next"))), mine.session, chat.PlacementContinued, "next")
}

// An alias is its caller's alone.
func TestAliasesOfOthers(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	s.sim.Forget(first.session)
	s.ask(byID(alice, first.session, user("again")))
	s.refused(byID(bob, first.session, user("tell me")), chat.CodeSessionNotFound)
}

func TestForeignSessionWithoutKeys(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.sim.AppendRecord(id, "old question", "old answer")
	s.sim.Edit(id, func(o *simulator.Settings) {
		o.Prompt, o.ContextCount, o.Temperature, o.PresencePenalty, o.MaxToken = "its owner's", 7, 0.3, 0.5, 900
	})
	before, _ := s.sim.Session(id)

	s.expect(s.ask(byID(chat.Anonymous, id, user("plain"))), id, chat.PlacementContinued, "plain")
	if n := s.sim.Calls(simulator.RouteUpdateSession); n != 0 {
		t.Errorf("%d updates though nothing was named", n)
	}
	if turn := s.last(); len(turn.History) != 1 || turn.History[0].AI != "old answer" {
		t.Errorf("history %v", turn.History)
	}

	r := byID(chat.Anonymous, id, user("warm"))
	r.Temperature, r.MaxTokens = new(1.5), new(50)
	s.expect(s.ask(r), id, chat.PlacementContinued, "warm")
	want := before.Settings
	want.Temperature, want.MaxToken = 1.5, 50
	if after, _ := s.sim.Session(id); after.Settings != want {
		t.Errorf("settings\n%+v, want\n%+v", after.Settings, want)
	}
}

func TestMadeUpIDWithoutKeys(t *testing.T) {
	s := plainSite(t)
	first := s.ask(byID(chat.Anonymous, foreignID, user("q-one"), assistant("a-one"), user("q-two")))
	s.fresh(first, chat.PlacementReplayed, foreignID)
	s.saw("q-one", "a-one", "q-two")
	// It is no alias: who made it up twice is not one conversation.
	s.fresh(s.ask(byID(chat.Anonymous, foreignID, user("hello"))), chat.PlacementNew, first.session)
}

func TestSharedAsksForNoForeignID(t *testing.T) {
	s := newSite(t, simulator.Options{}, true)
	id := s.sim.AddSession(model)
	got := s.ask(byID(chat.Anonymous, id, user("hello")))
	s.fresh(got, chat.PlacementNew, id)
	if n := s.sim.Calls(simulator.RouteListSessions); n != 0 {
		t.Errorf("%d listings", n)
	}
	s.expect(s.ask(byID(chat.Anonymous, got.session, user("next"))), got.session, chat.PlacementContinued, "next")
}

// A list that cannot be read is no proof that the session is gone.
// An id that was asked for while only its owner could is not a stranger's later.
func TestSharedRefusesAKnownForeignID(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, id, user("hello")))
	s.options.Shared = true
	s.restart()
	s.fresh(s.ask(byID(chat.Anonymous, id, user("next"))), chat.PlacementNew, id)
}

func TestForeignSessionThatCannotBeLookedUp(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.sim.InterceptOnce(simulator.RouteListSessions, simulator.Respond(http.StatusServiceUnavailable, "text/html", "<html>"))
	s.refused(byID(chat.Anonymous, id, user("hello")), chat.CodeBackendUnavailable)
	if n := len(s.sim.Sessions()); n != 1 {
		t.Errorf("%d sessions", n)
	}
	s.expect(s.ask(byID(chat.Anonymous, id, user("hello"))), id, chat.PlacementContinued, "hello")
}
