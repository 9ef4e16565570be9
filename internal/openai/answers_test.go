package openai

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/golden"
)

// answerTime is when every answer of these tests was created.
var answerTime = time.Unix(1767225600, 0)

// Each archive in testdata/answers has the events of an answer, and its bytes in the two
// forms that clients get. A comment that begins with "usage:" says that the client asked
// for the usage in the stream, one with "legacy:" that its tools came as functions.
func TestAnswers(t *testing.T) {
	golden.EachArchive(t, "testdata/answers", func(t *testing.T, archive *golden.Archive) {
		if len(archive.Files) != 3 {
			t.Fatalf("archive = %d files, want 3: events, stream, whole", len(archive.Files))
		}
		events, choices := parseEvents(t, archive.Files[0].Data)
		r := request(choices)
		r.Model = "demo-large"
		r.IncludeUsage = strings.HasPrefix(archive.Comment, "usage:")
		r.LegacyCalls = strings.HasPrefix(archive.Comment, "legacy:")
		s := NewStream("chatcmpl-x", answerTime, r)
		w := NewWhole("chatcmpl-x", answerTime, r)
		var stream []byte
		for _, ev := range events {
			stream = s.Append(stream, ev)
			w.Add(ev)
		}
		golden.Check(t, archive.Files[1], string(s.AppendEnd(stream)))
		golden.Check(t, archive.Files[2], string(w.Append(nil))+"\n")
		if s.Usage() != w.Usage() || s.Complete() != w.Complete() {
			t.Errorf("stream: Usage() = %v, Complete() = %v, want those of the whole answer: %v, %v", s.Usage(), s.Complete(), w.Usage(), w.Complete())
		}
	})
}

// request returns a request for that many choices.
func request(choices int) *ChatRequest {
	return &ChatRequest{Request: dialect.Request{Request: chat.Request{Model: "m", N: choices}}}
}

// parseEvents reads one event from each line: its kind, its choice and its content.
func parseEvents(t *testing.T, script string) (events []chat.Event, choices int) {
	t.Helper()
	for line := range strings.Lines(script) {
		var ev chat.Event
		var err error
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch kind {
		case "text", "reasoning":
			ev.Kind = chat.EventText
			if kind == "reasoning" {
				ev.Kind = chat.EventReasoning
			}
			_, err = fmt.Sscanf(rest, "%d %q", &ev.Choice, &ev.Text)
		case "call":
			ev.Kind = chat.EventToolCall
			_, err = fmt.Sscanf(rest, "%d %d %q %q %q", &ev.Choice, &ev.Call, &ev.CallID, &ev.CallName, &ev.Text)
		case "done":
			ev.Kind = chat.EventDone
			_, err = fmt.Sscanf(rest, "%d %s %d %d", &ev.Choice, &ev.Finish, &ev.Usage.PromptTokens, &ev.Usage.CompletionTokens)
		case "pause":
			ev.Kind = chat.EventPause
		default:
			err = fmt.Errorf("unknown kind")
		}
		if err != nil {
			t.Fatalf("parseEvents(%q) = %v, want an event", line, err)
		}
		events = append(events, ev)
		choices = max(choices, ev.Choice+1)
	}
	return events, choices
}

// An event of a choice that the client did not ask for cannot be shown: the answer is
// not complete, and nothing panics.
func TestAnswerOfUnknownChoice(t *testing.T) {
	for _, index := range []int{-1, 1} {
		s := NewStream("chatcmpl-x", answerTime, request(1))
		w := NewWhole("chatcmpl-x", answerTime, request(1))
		done := chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop}
		for _, ev := range []chat.Event{{Kind: chat.EventText, Choice: index, Text: "a"}, done} {
			s.Append(nil, ev)
			w.Add(ev)
		}
		end := string(s.AppendEnd(nil))
		if s.Complete() || w.Complete() || strings.Contains(end, "[DONE]") {
			t.Errorf("choice %d: Complete() = %t (stream), %t (whole), AppendEnd() = %s, want neither complete and no [DONE]",
				index, s.Complete(), w.Complete(), end)
		}
	}
}

func TestAnswerUsageEstimated(t *testing.T) {
	w := NewWhole("chatcmpl-x", answerTime, request(2))
	w.Add(chat.Event{Kind: chat.EventDone, Usage: chat.Usage{PromptTokens: 1, CompletionTokens: 2}})
	w.Add(chat.Event{
		Kind: chat.EventDone, Choice: 1,
		Usage: chat.Usage{PromptTokens: 10, CompletionTokens: 20, Estimated: true},
	})
	if want := (chat.Usage{PromptTokens: 11, CompletionTokens: 22, Estimated: true}); w.Usage() != want {
		t.Errorf("Usage() = %+v, want %+v", w.Usage(), want)
	}
}

func TestStreamAppendError(t *testing.T) {
	s := NewStream("chatcmpl-x", answerTime, request(1))
	s.Append(nil, chat.Event{Kind: chat.EventText, Text: "Half"})
	e := &chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendTruncated, Message: "The platform's answer was cut off.", Cause: fmt.Errorf("secret")}
	got := string(s.AppendError(nil, e))
	want := `data: {"error":{"message":"The platform's answer was cut off.","type":"backend_error","param":null,"code":"backend_truncated"}}` + "\n\n"
	if got != want {
		t.Errorf("AppendError() = %swant %s", got, want)
	}
}

// Once its buffer is large enough, a stream costs no memory for each event.
func TestStreamAllocations(t *testing.T) {
	s := NewStream("chatcmpl-x", answerTime, request(1))
	buf := make([]byte, 0, 64<<10)
	events := []chat.Event{
		{Kind: chat.EventReasoning, Text: "weigh\n"},
		{Kind: chat.EventText, Text: "Hello <b> 你好 \u2028 \xff"},
		{Kind: chat.EventToolCall, CallID: "call_1", CallName: "f"},
		{Kind: chat.EventToolCall, Text: `{"a": 1}`},
		{Kind: chat.EventPause},
	}
	allocs := testing.AllocsPerRun(100, func() {
		for _, ev := range events {
			s.Append(buf[:0], ev)
		}
	})
	if allocs != 0 {
		t.Errorf("allocations = %v, want 0", allocs)
	}
}

func BenchmarkStreamAppend(b *testing.B) {
	for _, text := range []string{" token", strings.Repeat("A line of text, \"quoted\".\n", 40), strings.Repeat("你好，", 300)} {
		b.Run(fmt.Sprint(len(text)), func(b *testing.B) {
			s := NewStream("chatcmpl-0123456789abcdefghijklmnopqrs", answerTime, request(1))
			buf := make([]byte, 0, 64<<10)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				buf = s.Append(buf[:0], chat.Event{Kind: chat.EventText, Text: text})
			}
		})
	}
}

func BenchmarkWhole(b *testing.B) {
	buf := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		w := NewWhole("chatcmpl-x", answerTime, request(1))
		for range 1000 {
			w.Add(chat.Event{Kind: chat.EventText, Text: " token"})
		}
		w.Add(chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop})
		buf = w.Append(buf[:0])
	}
}
