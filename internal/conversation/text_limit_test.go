package conversation_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// document returns a question whose model reads documents, and which counts 1,000 tokens.
func document(r *chat.Request) conversation.Question {
	return conversation.Question{
		Request: r, Prompt: r.System(), CountTokens: func() int { return 1000 },
		TextFiles: func() (int64, bool) { return 0, true },
	}
}

// sentFile returns the content of the only file of the last question, and checks that its text names it.
func (s *site) sentFile() string {
	s.t.Helper()
	turn := s.last()
	if len(turn.Files) != 1 || !strings.Contains(turn.Text, turn.Files[0].Name) {
		s.t.Fatalf("last question = %.200q with %d files, want one that names its file", turn.Text, len(turn.Files))
	}
	encoded, isText := strings.CutPrefix(turn.Files[0].Data, "data:text/plain;base64,")
	content, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !isText {
		s.t.Fatalf("file = %.60s (%v), want a text", turn.Files[0].Data, err)
	}
	return string(content)
}

// A text that the platform refuses as too long is sent as a file in the same turn. The next one is sent
// as a file at once, and the conversation continues in its session.
func TestLongTextIsSentAsFile(t *testing.T) {
	s := newSite(t, simulator.Options{MaxText: 10_000}, false)
	long, longer := strings.Repeat("长 ", 6_000)+"end", strings.Repeat("b", 15_000)
	first := s.askQuestion(document(whole(alice, user(long))))
	s.fresh(first, chat.PlacementNew)
	if got := s.sentFile(); got != long {
		t.Errorf("file has %d bytes, want the %d of the text", len(got), len(long))
	}
	if n := s.sim.Calls(simulator.RouteCompletions); n != 2 {
		t.Errorf("%d questions, want one that is refused and one with the file", n)
	}
	transcript := []chat.Message{user(long), assistant(first.text), user(longer)}
	next := s.askQuestion(document(whole(alice, transcript...)))
	if next.session != first.session || s.sentFile() != longer {
		t.Errorf("session = %d with %d bytes, want %d", next.session, len(s.sentFile()), first.session)
	}
	if n := s.sim.Calls(simulator.RouteCompletions); n != 3 {
		t.Errorf("%d questions, want 3: the length is known", n)
	}
	transcript = append(transcript, assistant(next.text), user("short"))
	s.continued(s.askQuestion(document(whole(alice, transcript...))), first.session, "short")
	if turn := s.last(); len(turn.Files) != 0 {
		t.Errorf("a short text has %d files", len(turn.Files))
	}
}

// A repetition after a crash finds the answer to a text that was sent as a file.
func TestLongTextAfterACrash(t *testing.T) {
	for name, request := range map[string]*chat.Request{
		"text":     whole(alice, user(strings.Repeat("a", 12_000))),
		"preamble": whole(alice, user("hello")),
	} {
		t.Run(name, func(t *testing.T) {
			s := postgresSite(t)
			s.options.MaxText = 10_000
			s.restart()
			q := document(request)
			if name == "preamble" {
				q.Preamble = strings.Repeat("p", 12_000)
			}
			gate := make(chan struct{})
			session := s.die(q, gate)
			close(gate)
			s.await(func() bool { return s.sim.InFlight() == 0 })
			got := s.askQuestion(q)
			if got.session != session || got.text != "begun" {
				t.Errorf("repetition = %+v, want the answer in session %d", got, session)
			}
			s.asked(1)
			again := *q.Request
			again.Messages = append(again.Messages[:1:1], assistant("begun"), user("next"))
			q.Request = &again
			s.continued(s.askQuestion(q), session, "next") // the preamble is known
		})
	}
}

// Of a question with a long preamble the longer text becomes a file, or both do.
func TestLongPreamble(t *testing.T) {
	s := newSite(t, simulator.Options{MaxText: 10_000}, false)
	s.options.MaxText = 10_000
	s.restart()
	q := document(whole(alice, user("hello")))
	q.Preamble = strings.Repeat("p", 12_000)
	first := s.askQuestion(q)
	if s.sentFile() != q.Preamble || !strings.HasSuffix(s.last().Text, "\n\nhello") {
		t.Errorf("last question = %q, want the preamble as a file and the text", s.last().Text)
	}
	q.Request = whole(alice, user("hello"), assistant(first.text), user("next"))
	s.continued(s.askQuestion(q), first.session, "next")
	q.Request = whole(alice, user(strings.Repeat("q", 20_000)))
	s.askQuestion(q)
	if turn := s.last(); len(turn.Files) != 2 || len(turn.Text) > 1_000 {
		t.Errorf("last question = %d bytes with %d files, want both texts as files", len(turn.Text), len(turn.Files))
	}
}

// Where the model reads no documents, the error says how many tokens fit, and the session stays as it is.
func TestLongTextWithoutDocuments(t *testing.T) {
	s := newSite(t, simulator.Options{MaxText: 10_000}, false)
	first := s.ask(whole(alice, user("hello")))
	q := document(whole(alice, user("hello"), assistant(first.text), user(strings.Repeat("a", 20_000))))
	q.TextFiles = nil
	for i := range 2 {
		a, err := s.engine.Ask(t.Context(), q)
		if err == nil {
			_, err = finish(a)
		}
		e := chat.AsError(err)
		isLength := e != nil && e.Code == chat.CodeContextLengthExceeded && e.NotAsked
		if !isLength || e.Tokens != 1000 || e.MaxTokens != 500 {
			t.Fatalf("try %d: error = %#v, want context_length_exceeded with 1000 tokens and at most 500", i, e)
		}
	}
	if n := s.sim.Calls(simulator.RouteCompletions); n != 2 {
		t.Errorf("%d questions, want 2: the length is known after the first refusal", n)
	}
	s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
}

// The files of a question are limited in number and size, also those that achuan makes of its texts.
func TestLongTextCountsAsFile(t *testing.T) {
	s := newSite(t, simulator.Options{}, false)
	s.options.MaxText = 10_000
	s.restart()
	long := user(strings.Repeat("a", 20_000))
	for name, change := range map[string]func(q *conversation.Question){
		"size": func(q *conversation.Question) { q.TextFiles = func() (int64, bool) { return 19_999, true } },
		"number": func(q *conversation.Question) {
			q.MaxFiles = 1
			q.Request.Messages[0].Files = []chat.File{s.files.picture("p", 0)}
		},
	} {
		q := document(whole(alice, long))
		change(&q)
		a, err := s.engine.Ask(t.Context(), q)
		if err == nil {
			a.Discard()
		}
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeContextLengthExceeded {
			t.Errorf("%s: error = %v, want context_length_exceeded", name, err)
		}
	}
	s.asked(0)
}

// A session with a text that was sent as a file cannot be rebuilt, because its records do not have the text.
func TestLongTextIsNotLostInARebuild(t *testing.T) {
	s := postgresSite(t)
	s.options.MaxText = 10_000
	s.restart()
	first := s.askQuestion(document(byName(alice, "n", user(strings.Repeat("a", 20_000)))))
	gate := make(chan struct{})
	defer close(gate)
	s.die(document(byName(alice, "n", user("two"))), gate)
	e := s.askRefused(byName(alice, "n", user("three")), chat.CodeSessionNotFound)
	if !strings.Contains(e.Message, "file") {
		t.Errorf("error of session %d = %q, want one that says why", first.session, e.Message)
	}
}
