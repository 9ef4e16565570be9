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
	s.checkAnswer(got, s.sim.Sessions()[0].ID, chat.PlacementNew, "hello")
	if got.text != "answer 1 to: hello" {
		t.Errorf("answer = %q, want %q", got.text, "answer 1 to: hello")
	}
}

func TestHistoryIsReplayed(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("q-one")))
	got := s.ask(whole(alice, system("be brief"), user("q-one"), assistant("a-one"), user("q-two"), assistant("a-two"),
		system("late"), user("q-three")))
	s.fresh(got, chat.PlacementReplayed, first.session)
	s.checkLastText(" user]]\nq-one\n", " assistant]]\na-one\n", " user]]\nq-two\n", " assistant]]\na-two\n", " system]]\nlate\n", " user]]\nq-three\n", " end]]")
	if turn := s.last(); turn.Prompt != "be brief" || len(turn.History) != 0 {
		t.Errorf("turn = prompt %q after %v, want %q after no history", turn.Prompt, turn.History, "be brief")
	}
}

// Two messages without an answer between them are framed, in a new session.
func TestTwoUserMessagesAreNew(t *testing.T) {
	s := plainSite(t)
	got := s.ask(whole(alice, user("q-one"), user("q-two")))
	s.fresh(got, chat.PlacementNew)
	s.checkLastText(" user]]\nq-one\n", " user]]\nq-two\n", " end]]")
}

// The name of a single user message reaches the model, and the chat continues in its session.
func TestSingleMessageWithANameIsFramed(t *testing.T) {
	s := plainSite(t)
	ann := chat.Message{Role: chat.RoleUser, Name: "ann", Text: "q-one"}
	first := s.ask(whole(alice, ann))
	s.fresh(first, chat.PlacementNew)
	s.checkLastText(` user name="ann"]]` + "\nq-one\n")
	bob := chat.Message{Role: chat.RoleUser, Name: "bob", Text: "q-two"}
	got := s.ask(whole(alice, ann, assistant(first.text), bob))
	if got.session != first.session {
		t.Errorf("session = %d, want %d", got.session, first.session)
	}
	s.checkLastText(` user name="bob"]]` + "\nq-two\n")
}

func TestByIDSendsWhatFollowsTheLastAnswer(t *testing.T) {
	for _, tc := range []struct {
		name     string
		messages []chat.Message
		want     []string
		framed   bool
	}{
		{"a single message", []chat.Message{user("next")}, []string{"next"}, false},
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
				s.checkLastText(tc.want...)
			} else {
				s.checkAnswer(got, first.session, chat.PlacementContinued, tc.want[0])
			}
			if got.session != first.session || turn.Number != 2 || len(turn.History) != 1 ||
				turn.History[0].AI != first.text {
				t.Errorf("answer in session %d as number %d after %v, want session %d, number 2 after its first answer",
					got.session, turn.Number, turn.History, first.session)
			}
		})
	}
}

func TestByIDNeedsSomethingToSend(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	e := s.askRefused(byID(alice, first.session, user("hello"), assistant("hi")), chat.CodeInvalidValue)
	if e.Kind != chat.KindInvalid || e.Param != "messages" {
		t.Errorf("error = kind %d, param %q, want kind %d, param messages", e.Kind, e.Param, chat.KindInvalid)
	}
	if n := len(s.sim.Attempts()); n != 1 {
		t.Errorf("platform got %d questions, want 1", n)
	}
	s.checkAnswer(s.ask(byID(alice, first.session, user("next"))), first.session, chat.PlacementContinued, "next")
}

// With keys, all ids that are not the caller's get the same error, and achuan does not ask the platform for them.
func TestIDsOfOthers(t *testing.T) {
	s := plainSite(t)
	mine := s.ask(whole(alice, user("secret")))
	ids := map[string]int64{"another caller's": mine.session, "unknown": foreignID, "of the account": s.sim.AddSession(model)}
	messages := map[chat.Error]bool{}
	for name, id := range ids {
		e := s.askRefused(byID(bob, id, user("tell me")), chat.CodeSessionNotFound)
		if e.Kind != chat.KindNotFound {
			t.Errorf("%s: kind = %d, want %d", name, e.Kind, chat.KindNotFound)
		}
		messages[e] = true
	}
	if len(messages) != 1 {
		t.Errorf("errors = %v, want the same for all ids", messages)
	}
	if n, lists := len(s.sim.Attempts()), s.sim.Calls(simulator.RouteListSessions); n != 1 || lists != 0 {
		t.Errorf("platform got %d questions and %d listings, want 1 and 0", n, lists)
	}
	s.checkAnswer(s.ask(byID(alice, mine.session, user("next"))), mine.session, chat.PlacementContinued, "next")
}

// An alias belongs to its caller.
func TestAliasesOfOthers(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	s.sim.Forget(first.session)
	s.ask(byID(alice, first.session, user("again")))
	s.askRefused(byID(bob, first.session, user("tell me")), chat.CodeSessionNotFound)
}

func TestForeignSessionWithoutKeys(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.sim.AppendRecord(id, "old question", "old answer")
	s.sim.Edit(id, func(o *simulator.Settings) {
		o.Prompt, o.ContextCount, o.Temperature, o.PresencePenalty, o.MaxToken = "its owner's", 7, 0.3, 0.5, 900
	})
	before, _ := s.sim.Session(id)

	s.checkAnswer(s.ask(byID(chat.Anonymous, id, user("plain"))), id, chat.PlacementContinued, "plain")
	if n := s.sim.Calls(simulator.RouteUpdateSession); n != 0 {
		t.Errorf("updates = %d without a setting in the request, want 0", n)
	}
	if turn := s.last(); len(turn.History) != 1 || turn.History[0].AI != "old answer" {
		t.Errorf("history = %v, want the old exchange", turn.History)
	}

	r := byID(chat.Anonymous, id, user("warm"))
	r.Temperature, r.MaxTokens = new(1.5), new(50)
	s.checkAnswer(s.ask(r), id, chat.PlacementContinued, "warm")
	want := before.Settings
	want.Temperature, want.MaxToken = 1.5, 50
	if after, _ := s.sim.Session(id); after.Settings != want {
		t.Errorf("settings =\n%+v, want\n%+v", after.Settings, want)
	}
}

func TestInventedIDWithoutKeys(t *testing.T) {
	s := plainSite(t)
	first := s.ask(byID(chat.Anonymous, foreignID, user("q-one"), assistant("a-one"), user("q-two")))
	s.fresh(first, chat.PlacementReplayed, foreignID)
	s.checkLastText("q-one", "a-one", "q-two")
	// The id is no alias: two requests with the same invented id are two conversations.
	s.fresh(s.ask(byID(chat.Anonymous, foreignID, user("hello"))), chat.PlacementNew, first.session)
}

func TestSharedDoesNotAskForForeignIDs(t *testing.T) {
	s := newSite(t, simulator.Options{}, true)
	id := s.sim.AddSession(model)
	got := s.ask(byID(chat.Anonymous, id, user("hello")))
	s.fresh(got, chat.PlacementNew, id)
	if n := s.sim.Calls(simulator.RouteListSessions); n != 0 {
		t.Errorf("listings = %d, want 0", n)
	}
	s.checkAnswer(s.ask(byID(chat.Anonymous, got.session, user("next"))), got.session, chat.PlacementContinued, "next")
}

// A session that was asked for while the server was not shared is not available to others later.
func TestSharedRefusesAKnownForeignID(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, id, user("hello")))
	s.options.Shared = true
	s.restart()
	s.fresh(s.ask(byID(chat.Anonymous, id, user("next"))), chat.PlacementNew, id)
}

// When the list of sessions cannot be read, the session does not count as lost.
func TestForeignSessionThatCannotBeLookedUp(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.sim.InterceptOnce(simulator.RouteListSessions, simulator.Respond(http.StatusServiceUnavailable, "text/html", "<html>"))
	s.askRefused(byID(chat.Anonymous, id, user("hello")), chat.CodeBackendUnavailable)
	if n := len(s.sim.Sessions()); n != 1 {
		t.Errorf("sessions on the platform = %d, want 1", n)
	}
	s.checkAnswer(s.ask(byID(chat.Anonymous, id, user("hello"))), id, chat.PlacementContinued, "hello")
}
