package platform

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"achuan/internal/chat"

	"github.com/google/go-cmp/cmp"
)

// recordedEnd is the end of an answer with the usage of recordEvent.
func recordedEnd(diverged bool) *chat.Event {
	return &chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Diverged: diverged,
		Usage: chat.Usage{PromptTokens: 205, CompletionTokens: 4}}
}

// estimatedEnd is the end of an answer without usage.
func estimatedEnd() *chat.Event {
	return &chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: chat.Usage{Estimated: true}}
}

func TestStream(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     collectedAnswer
		code     chat.Code // of the error, if it is to end in one
		endSeen  bool
	}{
		{name: "usual", in: deltaEvent("Hel") + deltaEvent(`lo \u003cb\u003e there`) + recordEvent(`Hello \u003cb\u003e there`) + doneEvent,
			want: collectedAnswer{Text: "Hello <b> there", Done: recordedEnd(false)}},
		{name: "nothing after [DONE] is read", in: deltaEvent("a") + recordEvent("a") + doneEvent + errorEvent(1, "late") + deltaEvent("b"),
			want: collectedAnswer{Text: "a", Done: recordedEnd(false)}},
		{name: "CRLF, comments, other fields, junk", in: ": hi\r\n\r\nevent: x\r\nid: 1\r\n" +
			"data:{\"data\":\"你好\"}\r\n\r\ndata: {broken\r\n<html>\r\ndata\r\ndata:\r\n" + recordEvent("你好🙂") + "data: [DONE] \r\n",
			want: collectedAnswer{Text: "你好🙂", Done: recordedEnd(false)}},
		{name: "empty pieces", in: deltaEvent("") + deltaEvent("a") + deltaEvent("") + recordEvent("a") + doneEvent,
			want: collectedAnswer{Text: "a", Done: recordedEnd(false)}},
		{name: "other shapes of a piece", in: sseEvent(`{"code":"0","data":"a"}`) + sseEvent(` {"data" : "b" } `) + recordEvent("ab") + doneEvent,
			want: collectedAnswer{Text: "ab", Done: recordedEnd(false)}},
		{name: "kind of data decides, not type", in: sseEvent(`{"type":"object","data":"a","code":0}`) +
			sseEvent(`{"type":"string","data":{"aiText":"ab","promptTokens":205,"completionTokens":4},"code":0}`) + doneEvent,
			want: collectedAnswer{Text: "ab", Done: recordedEnd(false)}},
		{name: "skipped frames", in: deltaEvent("a") + sseEvent(`{"type":"stats","data":{"totalToken":3},"code":0}`) + sseEvent(`{"type":"close","code":0}`) +
			sseEvent(`{"data":null,"code":0}`) + sseEvent(`{"data":[1],"code":0}`) + sseEvent(`{"data":5,"code":0}`) + sseEvent(`[]`) + sseEvent(`"x"`) + sseEvent(`null`) +
			objectEvent(`{"field":"logMap","id":"k1","data":{"aiText":"no"}}`) + recordEvent("a") + doneEvent,
			want: collectedAnswer{Text: "a", Done: recordedEnd(false)}},
		{name: "a surrogate pair on two frames", in: deltaEvent(`a\ud83d`) + deltaEvent(`\ude42b`) + doneEvent,
			want: collectedAnswer{Text: "a\U0001F642b", Done: estimatedEnd()}},
		{name: "a lone surrogate", in: deltaEvent(`a\ud83d`) + deltaEvent(`b\ude42`) + deltaEvent(`\ud83d`) + doneEvent,
			want: collectedAnswer{Text: "a\ufffdb\ufffd\ufffd", Done: estimatedEnd()}},

		{name: "record without [DONE]", in: deltaEvent("a") + recordEvent("a"), want: collectedAnswer{Text: "a", Done: recordedEnd(false)}},
		{name: "[DONE] without record", in: deltaEvent("a") + doneEvent, want: collectedAnswer{Text: "a", Done: estimatedEnd()}},
		{name: "aiText goes on", in: deltaEvent("Hel") + recordEvent("Hello") + doneEvent, want: collectedAnswer{Text: "Hello", Done: recordedEnd(false)}},
		{name: "aiText alone", in: recordEvent("Hello") + doneEvent, want: collectedAnswer{Text: "Hello", Done: recordedEnd(false)}},
		{name: "empty answer", in: recordEvent("") + doneEvent, want: collectedAnswer{Done: recordedEnd(false)}},
		{name: "aiText is shorter", in: deltaEvent("Hello") + recordEvent("Hell") + doneEvent, want: collectedAnswer{Text: "Hello", Done: recordedEnd(true)}},
		{name: "aiText is another", in: deltaEvent("Hello") + recordEvent("Hallo, you") + doneEvent, want: collectedAnswer{Text: "Hello", Done: recordedEnd(true)}},
		{name: "text after the record", in: deltaEvent("a") + recordEvent("abc") + deltaEvent("b") + doneEvent, want: collectedAnswer{Text: "abc", Done: recordedEnd(false)}},
		{name: "no usage", in: objectEvent(`{"aiText":"a","promptTokens":0,"completionTokens":0}`) + doneEvent, want: collectedAnswer{Text: "a", Done: estimatedEnd()}},
		{name: "usage as strings, in a patch", in: objectEvent(`{"aiText":"a"}`) + objectEvent(`{"promptTokens":"205"}`) + objectEvent(`{"completionTokens":4.0}`) + doneEvent,
			want: collectedAnswer{Text: "a", Done: recordedEnd(false)}},
		{name: "stop taken back", in: objectEvent(`{"userStop":true}`) + deltaEvent("a") + recordEvent("a") + doneEvent, want: collectedAnswer{Text: "a", Done: recordedEnd(false)}},

		{name: "reasoning", in: deltaEvent(`\n\u003cthi`) + deltaEvent(`nk\u003e weigh`) + deltaEvent(" it") + deltaEvent(`\n\u003c/think\u003e`) + deltaEvent(`\n`) + deltaEvent("Answer") +
			recordEvent(`\n\u003cthink\u003e weigh it\n\u003c/think\u003e\nAnswer.`) + doneEvent,
			want: collectedAnswer{Reasoning: "weigh it", Text: "Answer.", Done: recordedEnd(false)}},
		{name: "reasoning and text in one piece", in: deltaEvent(`<think>a</think>b`) + doneEvent, want: collectedAnswer{Reasoning: "a", Text: "b", Done: estimatedEnd()}},
		{name: "reasoning that is only in aiText", in: recordEvent("<think>a</think>b"), want: collectedAnswer{Reasoning: "a", Text: "b", Done: recordedEnd(false)}},
		{name: "reasoning without an end", in: deltaEvent("<think>a</thi") + recordEvent("<think>a</thi") + doneEvent, want: collectedAnswer{Reasoning: "a</thi", Done: recordedEnd(false)}},
		{name: "held-back text comes at the end", in: deltaEvent(" <thi") + doneEvent, want: collectedAnswer{Text: " <thi", Done: estimatedEnd()}},

		{name: "nothing", in: "", code: chat.CodeBackendTruncated},
		{name: "[DONE] alone", in: doneEvent, code: chat.CodeBackendTruncated, endSeen: true},
		{name: "neither record nor [DONE]", in: deltaEvent("a"), want: collectedAnswer{Text: "a"}, code: chat.CodeBackendTruncated},
		{name: "end inside a frame", in: deltaEvent("a") + `data: {"id":"1","ty`, want: collectedAnswer{Text: "a"}, code: chat.CodeBackendTruncated},
		{name: "null aiText is no record", in: deltaEvent("a") + objectEvent(`{"aiText":null}`), want: collectedAnswer{Text: "a"}, code: chat.CodeBackendTruncated},
		{name: "stopped elsewhere", in: deltaEvent("a") + objectEvent(`{"aiText":"a","userStop":true}`) + doneEvent, want: collectedAnswer{Text: "a"}, code: chat.CodeBackendTruncated, endSeen: true},
		{name: "stopped by a patch", in: deltaEvent("a") + recordEvent("a") + objectEvent(`{"userStop":1}`) + doneEvent, want: collectedAnswer{Text: "a"}, code: chat.CodeBackendTruncated, endSeen: true},
		{name: "error after text", in: deltaEvent("a") + errorEvent(1, "x") + recordEvent("a") + doneEvent, want: collectedAnswer{Text: "a"}, code: chat.CodeBackendError, endSeen: true},
		{name: "error after the record", in: deltaEvent("a") + recordEvent("a") + errorEvent(1, "x"), want: collectedAnswer{Text: "a"}, code: chat.CodeBackendError, endSeen: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in), "bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, err := collect(t, newTestStream(t, r))
				got.Pauses = 0
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("reading %s (-want +got):\n%s", name, diff)
				}
				checkEnd(t, err, tt.code, tt.endSeen)
			}
		})
	}
}

// checkEnd compares the error of a stream with the wanted one.
func checkEnd(t *testing.T, err error, code chat.Code, endSeen bool) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("error = %v, want none", err)
		}
		return
	}
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Code != code || e.EndSeen != endSeen || e.NotAsked {
		t.Errorf("error = %+v, want %s with EndSeen %t", err, code, endSeen)
	}
}

func TestStreamReadError(t *testing.T) {
	broken := iotest.ErrReader(errors.New("connection reset"))
	for _, tt := range []struct {
		name, in string
		code     chat.Code
	}{
		{"before anything", "", chat.CodeBackendTruncated},
		{"after text", deltaEvent("a"), chat.CodeBackendTruncated},
		{"inside the record", deltaEvent("a") + strings.TrimSuffix(recordEvent("a"), "\n\n"), chat.CodeBackendTruncated},
		{"after the record", deltaEvent("a") + recordEvent("a"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestStream(t, io.MultiReader(strings.NewReader(tt.in), broken))
			got, err := collect(t, s)
			checkEnd(t, err, tt.code, false)
			if (got.Done != nil) != (tt.code == "") {
				t.Errorf("Done = %v, want one = %t", got.Done, tt.code == "")
			}
			if _, again := s.Next(); again != err {
				t.Errorf("the second Next = %v, want the same error", again)
			}
		})
	}
}

// The text does not depend on where the bytes are split.
func TestStreamEverySplit(t *testing.T) {
	in := deltaEvent(`\u003cthink\u003e想一想 🙂`) + deltaEvent(`\n\u003c/think\u003e\n`) + deltaEvent("你好，世界 👩‍👩‍👧") + recordEvent(`<think>想一想 🙂\n</think>\n你好，世界 👩‍👩‍👧!`) + doneEvent
	want := collectedAnswer{Reasoning: "想一想 🙂", Text: "你好，世界 👩‍👩‍👧!", Done: recordedEnd(false)}
	for i := range len(in) + 1 {
		got, err := collect(t, newTestStream(t, io.MultiReader(strings.NewReader(in[:i]), strings.NewReader(in[i:]))))
		got.Pauses = 0
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("split at %d: %v (-want +got):\n%s", i, err, diff)
		}
	}
}

func TestStreamLargeAnswers(t *testing.T) {
	giant := strings.Repeat("界a", 2<<20)
	for name, in := range map[string]string{
		"piece":  deltaEvent(giant) + recordEvent(giant) + doneEvent,
		"record": deltaEvent("界") + recordEvent(giant) + doneEvent,
	} {
		got, err := collect(t, newTestStream(t, strings.NewReader(in)))
		if err != nil || got.Text != giant || got.Done.Diverged {
			t.Errorf("%s: got %d bytes, %v, want the whole answer", name, len(got.Text), err)
		}
	}
}

func TestStreamLimits(t *testing.T) {
	_, err := collect(t, newTestStream(t, io.MultiReader(strings.NewReader(deltaEvent("a")+"data: "), endlessLine{})))
	checkEnd(t, err, chat.CodeBackendError, false)
	full := newTestStream(t, strings.NewReader(deltaEvent("a")+deltaEvent("b")+doneEvent))
	full.answer.WriteString(strings.Repeat("a", maxAnswerBytes-1))
	_, err = collect(t, full)
	checkEnd(t, err, chat.CodeBackendError, false)
}

// endlessLine is a line without an end.
type endlessLine struct{}

func (endlessLine) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// pieceReader returns one piece for each Read.
type pieceReader []string

func (p *pieceReader) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	*p = (*p)[1:]
	return n, nil
}

// A pause comes exactly when everything that was read has been passed on.
func TestStreamPauses(t *testing.T) {
	s := newTestStream(t, &pieceReader{
		": hi\n\n", deltaEvent("a") + deltaEvent("b"), ": still here\n\n", objectEvent(`{"field":"logMap"}`),
		deltaEvent("c") + "data: {", `"data":"d"}` + "\n\n", deltaEvent("<think>"), recordEvent("abcd<think>e"), doneEvent,
	})
	var got []string
	eachEvent(t, s, func(ev chat.Event) {
		if ev.Kind == chat.EventPause {
			ev.Text = "|"
		}
		got = append(got, ev.Text)
	})
	want := []string{"a", "b", "|", "c", "|", "d", "|", "<think>", "|", "e"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}
