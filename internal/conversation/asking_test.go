package conversation_test

import (
	"context"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// result is a whole answer.
type result struct {
	session   int64
	placement chat.Placement
	text      string
}

// finish ranges over an answer's events to their end.
func finish(a *conversation.Answer) (result, error) {
	var b strings.Builder
	for ev, err := range a.Events() {
		if err != nil {
			return result{a.Session(), a.Placement(), b.String()}, err
		}
		if ev.Kind == chat.EventText {
			b.WriteString(ev.Text)
		}
	}
	return result{a.Session(), a.Placement(), b.String()}, nil
}

// place places a request, as the gateway does.
func (s *site) place(ctx context.Context, r *chat.Request) (*conversation.Answer, error) {
	return s.engine.Ask(ctx, conversation.Question{Request: r, Prompt: r.System()})
}

// try places a request and reads the whole answer.
func (s *site) try(ctx context.Context, r *chat.Request) (result, error) {
	a, err := s.place(ctx, r)
	if err != nil {
		return result{}, err
	}
	return finish(a)
}

// ask is try for a request that must succeed.
func (s *site) ask(r *chat.Request) result {
	s.t.Helper()
	got, err := s.try(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("Ask(…) = %v, want an answer", err)
	}
	return got
}

// askRefused is try for a request that must fail with that code.
func (s *site) askRefused(r *chat.Request, want chat.Code) chat.Error {
	s.t.Helper()
	got, err := s.try(s.t.Context(), r)
	if err == nil {
		s.t.Fatalf("Ask(…) = %+v, want an error with the code %s", got, want)
	}
	e := chat.AsError(err)
	if e.Code != want {
		s.t.Fatalf("Ask(…) = error %v, want one with the code %s", err, want)
	}
	return *e
}

// askQuestion asks a question, which must succeed, and reads the whole answer.
func (s *site) askQuestion(q conversation.Question) result {
	s.t.Helper()
	got, err := finish(s.beginQuestion(q))
	if err != nil {
		s.t.Fatalf("Events() = %v, want an answer", err)
	}
	return got
}

// begin places a request. Reading the answer's events sends the question.
func (s *site) begin(r *chat.Request) *conversation.Answer {
	s.t.Helper()
	return s.beginQuestion(conversation.Question{Request: r, Prompt: r.System()})
}

// beginQuestion is begin for a question.
func (s *site) beginQuestion(q conversation.Question) *conversation.Answer {
	s.t.Helper()
	a, err := s.engine.Ask(s.t.Context(), q)
	if err != nil {
		s.t.Fatalf("Ask(…) = %v, want an answer", err)
	}
	return a
}

// heldReply answers "begun", and waits after "be" until gate is closed.
func heldReply(gate <-chan struct{}) simulator.Reply {
	return simulator.Stream(
		simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done())
}

// hold begins a request whose turn waits after "be" until gate is closed.
func (s *site) hold(r *chat.Request, gate <-chan struct{}) *conversation.Answer {
	s.t.Helper()
	s.sim.Script(heldReply(gate))
	return s.begin(r)
}

// finishLater reads an answer on another goroutine. The answer must succeed.
func (s *site) finishLater(a *conversation.Answer) <-chan result {
	done := make(chan result)
	go func() {
		got, err := finish(a)
		if err != nil {
			s.t.Errorf("Events() = %v, want an answer", err)
		}
		done <- got
	}()
	return done
}

// listen reads an answer on another goroutine until its end, and closes heard at its first text. The answer must
// succeed.
func (s *site) listen(a *conversation.Answer) (heard <-chan struct{}, text <-chan string) {
	first, whole := make(chan struct{}), make(chan string)
	go func() {
		var got string
		for ev, err := range a.Events() {
			if err != nil {
				s.t.Errorf("Events() = %v, want an answer", err)
			}
			if ev.Kind == chat.EventText && got == "" {
				close(first)
			}
			got += ev.Text
		}
		whole <- got
	}()
	return first, whole
}

// leave reads an answer up to its first text. The client leaves before it has taken the text.
func leave(t *testing.T, a *conversation.Answer) {
	t.Helper()
	for ev, err := range a.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == chat.EventText {
			return
		}
	}
	t.Fatal("Events() = no text, want some")
}

// leaveAfterText reads an answer up to the event after its first text. The client has taken the text when it leaves.
func leaveAfterText(t *testing.T, a *conversation.Answer) {
	t.Helper()
	hasText := false
	for ev, err := range a.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if hasText {
			return
		}
		hasText = ev.Kind == chat.EventText
	}
	t.Fatal("Events() = no event after a text, want one")
}
