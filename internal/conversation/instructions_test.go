package conversation_test

import (
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// A request with the history of a chat, but other instructions and other tools, comes
// from another agent: it gets a session of its own, and the chat goes on in its session.
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

// Instructions and tools may change one after the other, also where the tools went away
// in between.
func TestInstructionsAndToolsChangeInTurn(t *testing.T) {
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

// knowsTools notes whether it was told that its session knows tools.
type knowsTools struct{ told bool }

func (k *knowsTools) SessionHadTools() { k.told = true }

func (k *knowsTools) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	pass(ev)
	return "", nil
}

// A request by id without tools is shaped with the knowledge that its session had some,
// however long ago.
func TestSessionToolsAreKnown(t *testing.T) {
	s := plainSite(t)
	with := whole(alice, user("hello"))
	with.Tools = []chat.Tool{{Name: "f"}}
	plainFirst, toolFirst := s.ask(whole(alice, user("hi"))), s.ask(with)
	for _, tc := range []struct {
		session int64
		told    bool
	}{{plainFirst.session, false}, {toolFirst.session, true}, {toolFirst.session, true}} {
		shaper := &knowsTools{}
		a, err := s.engine.Ask(t.Context(), conversation.Question{Request: byID(alice, tc.session, user("next")), Shaper: shaper})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := finish(a); err != nil {
			t.Fatal(err)
		}
		if shaper.told != tc.told {
			t.Errorf("session %d: told of tools = %t, want %t", tc.session, shaper.told, tc.told)
		}
	}
}

// What a prompt cannot hold is told once, before a session's first text, and again when
// it changes.
func TestPreambleIsToldOnce(t *testing.T) {
	s := plainSite(t)
	ask := func(preamble string, messages ...chat.Message) result {
		t.Helper()
		q := conversation.Question{Request: whole(alice, messages...), Preamble: preamble}
		a, err := s.engine.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		got, err := finish(a)
		if err != nil {
			t.Fatal(err)
		}
		return got
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
			t.Fatalf("step %d: session %d was asked %q, want %d and %q", i, got.session, s.last().Text, first.session, step.asked)
		}
		history = append(history, user("q"), assistant(got.text))
	}
	// A head with a preamble in its last question is still compared rightly.
	s.unverify()
	got := ask("PREAMBLE", append(history, user("after"))...)
	s.continued(got, first.session, "after")
	history = append(history, user("after"), assistant(got.text))
	// A session that takes its place is told again.
	s.sim.Forget(first.session)
	got = ask("PREAMBLE", append(history, user("more"))...)
	s.fresh(got, chat.PlacementReplayed, first.session)
	if !strings.HasPrefix(s.last().Text, "PREAMBLE\n\nBelow is a conversation") {
		t.Errorf("the new session was asked %q", s.last().Text)
	}
}

// A question that was refused, or of which nobody knows whether it was kept, told nothing.
func TestPreambleOfARefusedQuestion(t *testing.T) {
	for name, reply := range map[string]simulator.Reply{
		"refused": simulator.Fail("套餐余量不足"), "broken off": simulator.SayThenFail("half", "上游异常"),
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			made, err := s.engine.CreateSession(t.Context(), alice, model)
			if err != nil {
				t.Fatal(err)
			}
			ask := func(text string) error {
				a, err := s.engine.Ask(t.Context(), conversation.Question{Request: byID(alice, made.ID, user(text)), Preamble: "PREAMBLE"})
				if err != nil {
					t.Fatal(err)
				}
				_, err = finish(a)
				return err
			}
			reply.Refused = name == "refused"
			s.sim.Script(reply)
			if ask("one") == nil {
				t.Fatal("not refused")
			}
			for _, want := range []string{"PREAMBLE\n\ntwo", "three"} {
				text := want[strings.LastIndex(want, "\n")+1:]
				err := ask(text)
				if err != nil || !strings.HasSuffix(s.last().Text, want) || want == text && s.last().Text != text {
					t.Errorf("asked %q, %v, want %q", s.last().Text, err, want)
				}
			}
		})
	}
}
