package platform

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"achuan/internal/chat"
)

// deltaEvent is a frame with a piece of the answer. text is the inside of a JSON string.
func deltaEvent(text string) string {
	return sseEvent(`{"id":"2011624502055669760","type":"string","data":"` + text + `","code":0}`)
}

// recordEvent is the frame with the record of an answer.
func recordEvent(answer string) string {
	return objectEvent(`{"id":5000001,"created":"2026-01-15 10:20:30","sessionId":1000001,"userText":"hello","aiText":"` + answer +
		`","uid":42,"ip":"203.0.113.7","promptTokens":205,"completionTokens":4,"useTokens":209,"useImages":null,"userStop":false}`)
}

func objectEvent(data string) string {
	return sseEvent(`{"id":"2011624502055669760","type":"object","data":` + data + `,"code":0}`)
}

func errorEvent(code int, said string) string {
	return sseEvent(fmt.Sprintf(`{"id":"2011624502055669760","type":"string","data":null,"code":%d,"err":%q}`, code, said))
}

func sseEvent(payload string) string { return "data: " + payload + "\n\n" }

const doneEvent = "data: [DONE]\n\n"

// newTestStream returns a stream that reads its reply from r.
func newTestStream(t testing.TB, r io.Reader) *stream {
	c := newTestClient(t, Options{CompletionsURL: "http://platform.test/api/chat/completions"})
	s := c.newStream(newDeadline(t.Context(), time.Minute), c.observe(t.Context(), endpoint{}), io.NopCloser(r))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// eachEvent calls f with each event of a stream before the last one. It returns the last one.
func eachEvent(t testing.TB, s chat.Stream, f func(chat.Event)) (done chat.Event) {
	t.Helper()
	for {
		ev, err := s.Next()
		if err != nil {
			t.Fatalf("Next = %v, want an event", err)
		}
		if ev.Kind == chat.EventDone {
			return ev
		}
		f(ev)
	}
}

// collectedAnswer is what a whole stream returned.
type collectedAnswer struct {
	Reasoning, Text string
	Pauses          int
	Done            *chat.Event
}

// collect reads a stream to its end and checks each event.
func collect(t testing.TB, s chat.Stream) (collectedAnswer, error) {
	t.Helper()
	var a collectedAnswer
	var reasoning, text strings.Builder
	last := chat.EventPause
	for {
		ev, err := s.Next()
		a.Reasoning, a.Text = reasoning.String(), text.String()
		if err != nil {
			return a, err
		}
		switch ev.Kind {
		case chat.EventReasoning:
			reasoning.WriteString(ev.Text)
		case chat.EventText:
			text.WriteString(ev.Text)
		case chat.EventPause:
			if a.Pauses++; last == chat.EventPause {
				t.Error("Next = a pause at the start or after a pause, want none there")
			}
		case chat.EventDone:
			// Stored is the text with its reasoning in place.
			if a.Reasoning == "" && ev.Stored != a.Text || !strings.HasSuffix(ev.Stored, a.Text) || !strings.Contains(ev.Stored, a.Reasoning) {
				t.Errorf("Stored = %q, want the reasoning %q and the text %q in it", ev.Stored, a.Reasoning, a.Text)
			}
			ev.Stored = ""
			a.Done = &ev
			return a, nil
		}
		if !utf8.ValidString(ev.Text) {
			t.Errorf("event text = %q, want valid UTF-8", ev.Text)
		}
		if ev.Kind != chat.EventPause && ev.Text == "" {
			t.Errorf("text of an event of kind %d = %q, want some", ev.Kind, ev.Text)
		}
		last = ev.Kind
	}
}

// askAndCollect asks a question and reads the answer.
func askAndCollect(t testing.TB, c *Client) (collectedAnswer, error) {
	t.Helper()
	s, err := c.Ask(context.Background(), chat.Question{Session: 7, Text: "hello"})
	if err != nil {
		return collectedAnswer{}, err
	}
	defer s.Close()
	return collect(t, s)
}
