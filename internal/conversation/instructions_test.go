package conversation_test

import (
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// A request with the history of a chat, but other instructions and other tools, comes from another agent. It gets
// its own session, and the chat continues in its session.
func TestSideAgentForks(t *testing.T) {
	tool := func(names ...string) (tools []chat.Tool) {
		for _, name := range names {
			tools = append(tools, chat.Tool{Name: name})
		}
		return tools
	}
	for _, tc := range []struct {
		name         string
		before       []chat.Tool
		instructions string
		tools        []chat.Tool
		forks        bool
	}{
		{"the same", tool("search"), "chat", tool("search"), false},
		{"other instructions", tool("search"), "remember", tool("search"), false},
		{"other tools", tool("search"), "chat", tool("search", "write"), false},
		{"no tools any more", tool("search"), "chat", nil, false},
		{"the first tools", nil, "chat", tool("write"), false},
		{"other instructions, none have tools", nil, "remember", nil, false},
		{"both", tool("search"), "remember", tool("write"), true},
		{"both, without tools", tool("search"), "remember", nil, true},
		{"both, where the chat has no tools", nil, "remember", tool("write"), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			request := func(instructions string, tools []chat.Tool, messages ...chat.Message) *chat.Request {
				r := whole(alice, append([]chat.Message{system(instructions)}, messages...)...)
				r.Tools = tools
				return r
			}
			history := []chat.Message{user("hello")}
			first := s.ask(request("chat", tc.before, history...))
			history = append(history, assistant(first.text))
			got := s.ask(request(tc.instructions, tc.tools, append(history[:2:2], user("side"))...))
			if tc.forks {
				s.fresh(got, chat.PlacementForked, first.session)
				s.continued(s.ask(request("chat", tc.before, append(history[:2:2], user("next"))...)), first.session, "next")
				return
			}
			s.continued(got, first.session, "side")
		})
	}
}

// Instructions and tools may change one after the other, also when a request between them has no tools.
func TestInstructionsAndToolsChangeOneAfterTheOther(t *testing.T) {
	s := plainSite(t)
	var history []chat.Message
	var session int64
	for i, step := range []struct {
		instructions string
		tools        []chat.Tool
	}{{"one", nil}, {"one", []chat.Tool{{Name: "f"}}}, {"one", nil}, {"two", nil}, {"two", []chat.Tool{{Name: "g"}}}, {"three", []chat.Tool{{Name: "g"}}}} {
		r := whole(alice, append([]chat.Message{system(step.instructions)}, append(history, user("next"))...)...)
		r.Tools = step.tools
		got := s.ask(r)
		if i > 0 {
			s.continued(got, session, "next")
		}
		session = got.session
		history = append(history, user("next"), assistant(got.text))
	}
}

// toolsShaper records whether SessionHadTools was called.
type toolsShaper struct{ hadTools bool }

func (k *toolsShaper) SessionHadTools() { k.hadTools = true }

func (k *toolsShaper) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	pass(ev)
	return "", nil
}

// The shaper of a request by id without tools learns that an earlier turn of the session had tools.
func TestShaperLearnsOfEarlierTools(t *testing.T) {
	s := plainSite(t)
	with := whole(alice, user("hello"))
	with.Tools = []chat.Tool{{Name: "f"}}
	plainFirst, toolFirst := s.ask(whole(alice, user("hi"))), s.ask(with)
	for _, tc := range []struct {
		session  int64
		hadTools bool
	}{{plainFirst.session, false}, {toolFirst.session, true}, {toolFirst.session, true}} {
		shaper := &toolsShaper{}
		s.askQuestion(conversation.Question{Request: byID(alice, tc.session, user("next")), Shaper: shaper})
		if shaper.hadTools != tc.hadTools {
			t.Errorf("SessionHadTools() for session %d was called = %t, want %t", tc.session, shaper.hadTools, tc.hadTools)
		}
	}
}

// The preamble is sent once, before the first text of a session, and again when it changes.
func TestPreambleIsSentOnce(t *testing.T) {
	s := plainSite(t)
	ask := func(preamble string, messages ...chat.Message) result {
		t.Helper()
		return s.askQuestion(conversation.Question{Request: whole(alice, messages...), Preamble: preamble})
	}
	var history []chat.Message
	var first result
	for i, step := range []struct{ preamble, asked string }{
		{"PREAMBLE", "PREAMBLE\n\nq"}, {"PREAMBLE", "q"}, {"", "q"}, {"PREAMBLE", "q"}, {"OTHER", "OTHER\n\nq"}, {"OTHER", "q"}, {"PREAMBLE", "PREAMBLE\n\nq"},
	} {
		got := ask(step.preamble, append(history, user("q"))...)
		if i == 0 {
			first = got
		}
		if got.session != first.session || s.last().Text != step.asked {
			t.Fatalf("step %d: question = %q in session %d, want %q in %d", i, s.last().Text, got.session, step.asked, first.session)
		}
		history = append(history, user("q"), assistant(got.text))
	}
	// A session whose last question has a preamble is still recognized in the records.
	s.unverify()
	got := ask("PREAMBLE", append(history, user("after"))...)
	s.continued(got, first.session, "after")
	history = append(history, user("after"), assistant(got.text))
	// A session that replaces it gets the preamble again.
	s.sim.Forget(first.session)
	got = ask("PREAMBLE", append(history, user("more"))...)
	s.fresh(got, chat.PlacementReplayed, first.session)
	if !strings.HasPrefix(s.last().Text, "PREAMBLE\n\nBelow is a conversation") {
		t.Errorf("question in the new session = %q, want the preamble and then the conversation", s.last().Text)
	}
}

// After a question that was refused, or that failed, the session does not count as having the preamble.
func TestPreambleOfARefusedQuestion(t *testing.T) {
	for name, reply := range map[string]simulator.Reply{
		"refused": simulator.Fail("套餐余量不足"), "broken off": simulator.SayThenFail("half", "上游异常"),
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			created, err := s.engine.CreateSession(t.Context(), alice, model)
			if err != nil {
				t.Fatal(err)
			}
			ask := func(text string) error {
				q := conversation.Question{Request: byID(alice, created.ID, user(text)), Preamble: "PREAMBLE"}
				_, err := finish(s.beginQuestion(q))
				return err
			}
			reply.Refused = name == "refused"
			s.sim.Script(reply)
			if err := ask("one"); err == nil {
				t.Fatal("Ask(one) = nil, want an error")
			}
			for _, want := range []string{"PREAMBLE\n\ntwo", "three"} {
				text := want[strings.LastIndex(want, "\n")+1:]
				err := ask(text)
				if err != nil || !strings.HasSuffix(s.last().Text, want) || want == text && s.last().Text != text {
					t.Errorf("last question = %q, %v, want %q", s.last().Text, err, want)
				}
			}
		})
	}
}
