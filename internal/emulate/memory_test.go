package emulate

import (
	"context"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// shapeInPieces sends text to a new shaper in pieces. It returns the bytes that the shaper had
// taken when it failed, and its error.
func shapeInPieces(
	t *testing.T, r *chat.Request, take func(int64) error, text string,
) (sent int, repair string, err error) {
	t.Helper()
	p, err := NewPlan(context.Background(), r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Shaper()
	s.SetMemory(take)
	drop := func(ev chat.Event) {
		if ev.Kind == chat.EventDone {
			t.Errorf("event = %+v, want no end of the answer", ev)
		}
	}
	const piece = 4 << 10
	for sent < len(text) {
		n := min(piece, len(text)-sent)
		if repair, err = s.Shape(chat.Event{Kind: chat.EventText, Text: text[sent : sent+n]}, drop); err != nil {
			return sent, repair, err
		}
		sent += n
	}
	repair, err = s.Shape(chat.Event{Kind: chat.EventDone}, drop)
	return sent, repair, err
}

// Calls and JSON that are too long fail while they arrive, without a repair. So do those for which
// there is no memory.
func TestKeptBytes(t *testing.T) {
	question := []chat.Message{{Role: chat.RoleUser, Text: "hello"}}
	tools := &chat.Request{Messages: question, Tools: []chat.Tool{{Name: "f", Parameters: []byte(`{"type":"object"}`)}}}
	object := &chat.Request{Messages: question, Format: chat.Format{Kind: chat.FormatObject}}
	streamed := &chat.Request{Messages: question, Format: chat.Format{Kind: chat.FormatObject}, Streamed: true}
	full := &chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeOverloaded, Message: "no memory"}
	const start = `<tool_call>{"name":"f","arguments":{"a":"`
	filler := strings.Repeat("0123456789abcdef", maxKeptBytes/8) // twice the limit
	for _, tt := range []struct {
		name   string
		r      *chat.Request
		text   string
		memory int64
		code   chat.Code
		max    int // bytes up to the error
	}{
		{"a long call", tools, start + filler, 1 << 30, chat.CodeInvalidToolCall, maxKeptBytes},
		{"many calls", tools, strings.Repeat(goodCall, 2*maxKeptBytes/len(goodCall)), 1 << 40, chat.CodeInvalidToolCall, 2 * maxKeptBytes},
		{"a call in the markup of other models", tools, "<function=f><parameter=a>" + filler, 1 << 30, chat.CodeInvalidToolCall, maxKeptBytes},
		{"JSON", object, `{"a":"` + filler, 1 << 30, chat.CodeInvalidModelOutput, maxKeptBytes},
		{"streamed JSON", streamed, `{"a":"` + filler, 1 << 30, chat.CodeInvalidModelOutput, maxKeptBytes},
		{"a call without memory", tools, start + filler, 8 << 20, chat.CodeOverloaded, 8 << 20 / keptByteCost},
		{"numbers without memory", tools, `<tool_call>{"name":"f","arguments":{"a":[1` + strings.Repeat(",1", 1<<20), 8 << 20, chat.CodeOverloaded, 8 << 20 / (keptByteCost + keptCommaCost/2)},
		{"calls without memory", tools, strings.Repeat(goodCall, 1<<15), 8 << 20, chat.CodeOverloaded, 8 << 20 / (2 * keptObjectCost) * len(goodCall)},
		{"JSON without memory", object, `{"a":"` + filler, 8 << 20, chat.CodeOverloaded, 8 << 20 / keptByteCost},
	} {
		t.Run(tt.name, func(t *testing.T) {
			take := func(n int64) error {
				if tt.memory -= n; tt.memory < 0 {
					return full
				}
				return nil
			}
			const slack = 128 << 10 // a step of the count, and a piece
			sent, repair, err := shapeInPieces(t, tt.r, take, tt.text)
			if err == nil || repair != "" || chat.AsError(err).Code != tt.code || chat.AsError(err).EndSeen {
				t.Fatalf("Shape() = repair %q, %v, want %s before the end", repair, err, tt.code)
			}
			if sent > tt.max+slack || tt.code != chat.CodeOverloaded && sent < maxKeptBytes-slack {
				t.Errorf("bytes before the error = %d, want %d", sent, tt.max)
			}
		})
	}
}

// Plain text beside tools is not kept, so it needs no memory and has no limit here.
func TestTextIsNotKept(t *testing.T) {
	p, err := NewPlan(context.Background(), &chat.Request{
		Messages: []chat.Message{{Role: chat.RoleUser, Text: "hello"}}, Tools: []chat.Tool{{Name: "f"}},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := p.Shaper()
	s.SetMemory(func(n int64) error { t.Errorf("take(%d) for plain text, want none", n); return nil })
	size, text := 0, strings.Repeat("plain, {text} ", 1000)
	for range 2 * maxKeptBytes / len(text) {
		_, err := s.Shape(chat.Event{Kind: chat.EventText, Text: text}, func(ev chat.Event) { size += len(ev.Text) })
		if err != nil {
			t.Fatalf("Shape() = %v, want nil", err)
		}
	}
	if size < maxKeptBytes {
		t.Errorf("bytes emitted = %d, want at least %d", size, maxKeptBytes)
	}
}
