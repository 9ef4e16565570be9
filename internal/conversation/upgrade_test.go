package conversation_test

import (
	"context"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// callsShaper is a shaper that answers with calls of these ids.
type callsShaper []string

func (m callsShaper) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind != chat.EventDone {
		return "", nil
	}
	for i, id := range m {
		pass(chat.Event{Kind: chat.EventToolCall, Call: i, CallID: id, CallName: "f", Text: `{"b": 1.50, "a": 2}`})
	}
	ev.Finish = chat.FinishTools
	pass(ev)
	return "", nil
}

// askCalls asks for an answer with calls.
func (s *site) askCalls(r *chat.Request, ids ...string) result {
	s.t.Helper()
	return s.askQuestion(conversation.Question{Request: r, Prompt: r.System(), Shaper: callsShaper(ids)})
}

// requireContinued fails the test if an answer does not continue the session of an earlier one.
func (s *site) requireContinued(got, earlier result) {
	s.t.Helper()
	if got.session != earlier.session || got.placement != chat.PlacementContinued {
		s.t.Fatalf("answer = %s in session %d, want continued in %d", got.placement, got.session, earlier.session)
	}
}

func calling(ids ...string) chat.Message {
	m := chat.Message{Role: chat.RoleAssistant}
	for _, id := range ids {
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: id, Name: "f", Arguments: `{"b": 1.50, "a": 2}`})
	}
	return m
}

func resultOf(id, text string) chat.Message {
	return chat.Message{Role: chat.RoleTool, ToolCallID: id, Name: "f", Text: text}
}

// setHead gives a session the head that an earlier release wrote.
func (s *site) setHead(id int64, head conversation.Hash) {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	taking := conversation.Taking{Token: conversation.Token{1}}
	taken, err := s.keep.Take(ctx, id, taking, conversation.ByLineage)
	if err != nil {
		s.t.Fatal(err)
	}
	taken.Head = head
	if err := s.keep.Save(ctx, conversation.Commit{Token: taking.Token, Session: *taken}); err != nil {
		s.t.Fatal(err)
	}
}

// A conversation of the first release is continued after an upgrade, by the head that the first release wrote.
func TestHeadsOfTheFirstRelease(t *testing.T) {
	const x, y = "call_0123456789ABCDEFGHIJKLMN", "call_0123456789ABCDEFGHIJKLMO" // the release's ids
	for _, tc := range []struct {
		name   string
		scope  string
		ids    []string
		prefix []chat.Message // as the release hashed it
		rest   []chat.Message // as clients send it: the answer and what follows
	}{
		{name: "text", prefix: []chat.Message{user("hello"), assistant("the answer")},
			rest: []chat.Message{assistant("<think>hm</think>the answer\r\n"), user("next")}},
		{name: "in a scope", scope: "ada", prefix: []chat.Message{user("hello"), assistant("the answer")},
			rest: []chat.Message{assistant("the answer"), user("next")}},
		{name: "calls", ids: []string{x, y}, prefix: []chat.Message{user("hello"), calling(x, y)},
			rest: []chat.Message{calling(x, y), resultOf(y, "2"), resultOf(x, "1")}},
		{name: "calls in several messages", ids: []string{x, y}, prefix: []chat.Message{user("hello"), calling(x, y)},
			rest: []chat.Message{calling(x), resultOf(x, "1"), calling(y), resultOf(y, "2")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			s.sim.Script(simulator.Say("the answer"))
			request := func(messages ...chat.Message) *chat.Request {
				r := whole(alice, messages...)
				r.Session.Name = tc.scope
				return r
			}
			var first result
			if tc.ids != nil {
				first = s.askCalls(request(user("hello")), tc.ids...)
			} else {
				first = s.ask(request(user("hello")))
			}
			scope := conversation.NameKey{}
			if tc.scope != "" {
				scope = conversation.NameKey{Caller: alice.ID, Model: model, Name: tc.scope}
			}
			s.setHead(first.session, conversation.HeadOfFirstRelease(alice.ID, "test", scope, tc.prefix...))
			transcript := append([]chat.Message{user("hello")}, tc.rest...)
			second := s.ask(request(transcript...))
			s.requireContinued(second, first)
			if len(tc.ids) > 0 {
				s.checkLastText(`id="1"]]`+"\n1", `id="2"]]`+"\n2")
			}
			// The session now has a head of this release.
			third := s.ask(request(append(transcript, assistant(second.text), user("and on"))...))
			s.continued(third, first.session, "and on")
		})
	}
}

// A head of the first release is not found by another caller or in another scope.
func TestHeadsOfTheFirstReleaseHaveOwners(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	for _, head := range []conversation.Hash{
		conversation.HeadOfFirstRelease(alice.ID, "test", conversation.NameKey{}, user("hello"), assistant(first.text)),
		conversation.HeadOfFirstRelease(bob.ID, "test", conversation.NameKey{}, user("hello"), assistant(first.text)),
	} {
		s.setHead(first.session, head)
		got := s.ask(whole(bob, user("hello"), assistant(first.text), user("next")))
		s.fresh(got, chat.PlacementReplayed, first.session)
	}
}

// An answer that the client splits into a message for each call still matches, whether achuan or the client made
// the ids.
func TestAnswerInPieces(t *testing.T) {
	seed := [16]byte{5}
	for name, ids := range map[string][]string{
		"ids of achuan": {chat.CallID(seed, 0), chat.CallID(seed, 1), chat.CallID(seed, 2)},
		"other ids":     {"x", "y", "z"},
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			first := s.askCalls(whole(alice, user("hello")), ids...)
			transcript := []chat.Message{user("hello")}
			for _, id := range ids {
				transcript = append(transcript, calling(id), resultOf(id, "result of "+id))
			}
			second := s.ask(whole(alice, transcript...))
			s.requireContinued(second, first)
			s.checkLastText("result of "+ids[0], "result of "+ids[1], "result of "+ids[2])
			s.continued(s.ask(whole(alice, append(transcript, assistant(second.text), user("next"))...)), first.session, "next")
		})
	}
}

// By id, all results of an answer are sent, also when the client splits the answer or sends only the results.
func TestResultsByID(t *testing.T) {
	seed := [16]byte{6}
	x, y := chat.CallID(seed, 0), chat.CallID(seed, 1)
	for name, messages := range map[string][]chat.Message{
		"in pieces":     {user("hello"), calling(x), resultOf(x, "one"), calling(y), resultOf(y, "two")},
		"results alone": {resultOf(y, "two"), resultOf(x, "one")},
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			first := s.askCalls(whole(alice, user("hello")), x, y)
			second := s.ask(byID(alice, first.session, messages...))
			s.requireContinued(second, first)
			s.checkLastText(`id="1"`, "one", `id="2"`, "two")
		})
	}
}
