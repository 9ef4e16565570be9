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

// whole is the end of an answer with the usage of recorded.
func whole(diverged bool) *chat.Event {
	return &chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Diverged: diverged,
		Usage: chat.Usage{PromptTokens: 205, CompletionTokens: 4}}
}

// estimated is the end of an answer without usage.
func estimated() *chat.Event {
	return &chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: chat.Usage{Estimated: true}}
}

func TestStream(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     answer
		code     chat.Code // of the error, if it is to end in one
		endSeen  bool
	}{
		{name: "usual", in: delta("Hel") + delta(`lo \u003cb\u003e there`) + recorded(`Hello \u003cb\u003e there`) + done,
			want: answer{Text: "Hello <b> there", Done: whole(false)}},
		{name: "nothing after [DONE] is read", in: delta("a") + recorded("a") + done + refusal(1, "late") + delta("b"),
			want: answer{Text: "a", Done: whole(false)}},
		{name: "CRLF, comments, other fields, junk", in: ": hi\r\n\r\nevent: x\r\nid: 1\r\n" +
			"data:{\"data\":\"你好\"}\r\n\r\ndata: {broken\r\n<html>\r\ndata\r\ndata:\r\n" + recorded("你好🙂") + "data: [DONE] \r\n",
			want: answer{Text: "你好🙂", Done: whole(false)}},
		{name: "empty pieces", in: delta("") + delta("a") + delta("") + recorded("a") + done,
			want: answer{Text: "a", Done: whole(false)}},
		{name: "other shapes of a piece", in: event(`{"code":"0","data":"a"}`) + event(` {"data" : "b" } `) + recorded("ab") + done,
			want: answer{Text: "ab", Done: whole(false)}},
		{name: "kind of data decides, not type", in: event(`{"type":"object","data":"a","code":0}`) +
			event(`{"type":"string","data":{"aiText":"ab","promptTokens":205,"completionTokens":4},"code":0}`) + done,
			want: answer{Text: "ab", Done: whole(false)}},
		{name: "skipped frames", in: delta("a") + event(`{"type":"stats","data":{"totalToken":3},"code":0}`) + event(`{"type":"close","code":0}`) +
			event(`{"data":null,"code":0}`) + event(`{"data":[1],"code":0}`) + event(`{"data":5,"code":0}`) + event(`[]`) + event(`"x"`) + event(`null`) +
			object(`{"field":"logMap","id":"k1","data":{"aiText":"no"}}`) + recorded("a") + done,
			want: answer{Text: "a", Done: whole(false)}},
		{name: "a surrogate pair on two frames", in: delta(`a\ud83d`) + delta(`\ude42b`) + done,
			want: answer{Text: "a\U0001F642b", Done: estimated()}},
		{name: "a lone surrogate", in: delta(`a\ud83d`) + delta(`b\ude42`) + delta(`\ud83d`) + done,
			want: answer{Text: "a\ufffdb\ufffd\ufffd", Done: estimated()}},

		{name: "record without [DONE]", in: delta("a") + recorded("a"), want: answer{Text: "a", Done: whole(false)}},
		{name: "[DONE] without record", in: delta("a") + done, want: answer{Text: "a", Done: estimated()}},
		{name: "aiText goes on", in: delta("Hel") + recorded("Hello") + done, want: answer{Text: "Hello", Done: whole(false)}},
		{name: "aiText alone", in: recorded("Hello") + done, want: answer{Text: "Hello", Done: whole(false)}},
		{name: "empty answer", in: recorded("") + done, want: answer{Done: whole(false)}},
		{name: "aiText is shorter", in: delta("Hello") + recorded("Hell") + done, want: answer{Text: "Hello", Done: whole(true)}},
		{name: "aiText is another", in: delta("Hello") + recorded("Hallo, you") + done, want: answer{Text: "Hello", Done: whole(true)}},
		{name: "text after the record", in: delta("a") + recorded("abc") + delta("b") + done, want: answer{Text: "abc", Done: whole(false)}},
		{name: "no usage", in: object(`{"aiText":"a","promptTokens":0,"completionTokens":0}`) + done, want: answer{Text: "a", Done: estimated()}},
		{name: "usage as strings, in a patch", in: object(`{"aiText":"a"}`) + object(`{"promptTokens":"205"}`) + object(`{"completionTokens":4.0}`) + done,
			want: answer{Text: "a", Done: whole(false)}},
		{name: "stop taken back", in: object(`{"userStop":true}`) + delta("a") + recorded("a") + done, want: answer{Text: "a", Done: whole(false)}},

		{name: "reasoning", in: delta(`\n\u003cthi`) + delta(`nk\u003e weigh`) + delta(" it") + delta(`\n\u003c/think\u003e`) + delta(`\n`) + delta("Answer") +
			recorded(`\n\u003cthink\u003e weigh it\n\u003c/think\u003e\nAnswer.`) + done,
			want: answer{Reasoning: "weigh it", Text: "Answer.", Done: whole(false)}},
		{name: "reasoning and text in one piece", in: delta(`<think>a</think>b`) + done, want: answer{Reasoning: "a", Text: "b", Done: estimated()}},
		{name: "reasoning that is only in aiText", in: recorded("<think>a</think>b"), want: answer{Reasoning: "a", Text: "b", Done: whole(false)}},
		{name: "reasoning without an end", in: delta("<think>a</thi") + recorded("<think>a</thi") + done, want: answer{Reasoning: "a</thi", Done: whole(false)}},
		{name: "held-back text comes at the end", in: delta(" <thi") + done, want: answer{Text: " <thi", Done: estimated()}},

		{name: "nothing", in: "", code: chat.CodeBackendTruncated},
		{name: "[DONE] alone", in: done, code: chat.CodeBackendTruncated, endSeen: true},
		{name: "neither record nor [DONE]", in: delta("a"), want: answer{Text: "a"}, code: chat.CodeBackendTruncated},
		{name: "end inside a frame", in: delta("a") + `data: {"id":"1","ty`, want: answer{Text: "a"}, code: chat.CodeBackendTruncated},
		{name: "null aiText is no record", in: delta("a") + object(`{"aiText":null}`), want: answer{Text: "a"}, code: chat.CodeBackendTruncated},
		{name: "stopped elsewhere", in: delta("a") + object(`{"aiText":"a","userStop":true}`) + done, want: answer{Text: "a"}, code: chat.CodeBackendTruncated, endSeen: true},
		{name: "stopped by a patch", in: delta("a") + recorded("a") + object(`{"userStop":1}`) + done, want: answer{Text: "a"}, code: chat.CodeBackendTruncated, endSeen: true},
		{name: "error after text", in: delta("a") + refusal(1, "x") + recorded("a") + done, want: answer{Text: "a"}, code: chat.CodeBackendError, endSeen: true},
		{name: "error after the record", in: delta("a") + recorded("a") + refusal(1, "x"), want: answer{Text: "a"}, code: chat.CodeBackendError, endSeen: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{
				"whole": strings.NewReader(tt.in), "bytes": iotest.OneByteReader(strings.NewReader(tt.in)),
			} {
				got, err := collect(t, streamOf(t, r))
				got.Pauses = 0
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
				checkEnd(t, err, tt.code, tt.endSeen)
			}
		})
	}
}

// checkEnd compares the error of a stream with what it should be.
func checkEnd(t *testing.T, err error, code chat.Code, endSeen bool) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("error: %v", err)
		}
		return
	}
	if e, ok := errors.AsType[*chat.Error](err); !ok || e.Code != code || e.EndSeen != endSeen || e.NotAsked {
		t.Errorf("error %+v, want %s, end seen: %t", err, code, endSeen)
	}
}

func TestStreamReadError(t *testing.T) {
	broken := iotest.ErrReader(errors.New("connection reset"))
	for _, tt := range []struct {
		name, in string
		code     chat.Code
	}{
		{"before anything", "", chat.CodeBackendTruncated},
		{"after text", delta("a"), chat.CodeBackendTruncated},
		{"inside the record", delta("a") + strings.TrimSuffix(recorded("a"), "\n\n"), chat.CodeBackendTruncated},
		{"after the record", delta("a") + recorded("a"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := streamOf(t, io.MultiReader(strings.NewReader(tt.in), broken))
			got, err := collect(t, s)
			checkEnd(t, err, tt.code, false)
			if (got.Done != nil) != (tt.code == "") {
				t.Errorf("done: %v", got.Done)
			}
			if _, again := s.Next(); again != err {
				t.Errorf("the second error is another: %v", again)
			}
		})
	}
}

// The text is the same wherever the bytes are cut.
func TestStreamEverySplit(t *testing.T) {
	in := delta(`\u003cthink\u003e想一想 🙂`) + delta(`\n\u003c/think\u003e\n`) + delta("你好，世界 👩‍👩‍👧") + recorded(`<think>想一想 🙂\n</think>\n你好，世界 👩‍👩‍👧!`) + done
	want := answer{Reasoning: "想一想 🙂", Text: "你好，世界 👩‍👩‍👧!", Done: whole(false)}
	for i := range len(in) + 1 {
		got, err := collect(t, streamOf(t, io.MultiReader(strings.NewReader(in[:i]), strings.NewReader(in[i:]))))
		got.Pauses = 0
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("cut at %d: %v (-want +got):\n%s", i, err, diff)
		}
	}
}

func TestStreamGiants(t *testing.T) {
	giant := strings.Repeat("界a", 2<<20)
	for name, in := range map[string]string{
		"piece":  delta(giant) + recorded(giant) + done,
		"record": delta("界") + recorded(giant) + done,
	} {
		got, err := collect(t, streamOf(t, strings.NewReader(in)))
		if err != nil || got.Text != giant || got.Done.Diverged {
			t.Errorf("%s: %d bytes, %v", name, len(got.Text), err)
		}
	}
}

func TestStreamLimits(t *testing.T) {
	_, err := collect(t, streamOf(t, io.MultiReader(strings.NewReader(delta("a")+"data: "), endless{})))
	checkEnd(t, err, chat.CodeBackendError, false)
	full := streamOf(t, strings.NewReader(delta("a")+delta("b")+done))
	full.answer.WriteString(strings.Repeat("a", maxAnswerBytes-1))
	_, err = collect(t, full)
	checkEnd(t, err, chat.CodeBackendError, false)
}

// endless is a line without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// pieces gives one piece for each Read.
type pieces []string

func (p *pieces) Read(b []byte) (int, error) {
	if len(*p) == 0 {
		return 0, io.EOF
	}
	n := copy(b, (*p)[0])
	*p = (*p)[1:]
	return n, nil
}

// A pause comes exactly where everything that was read is passed on.
func TestStreamPauses(t *testing.T) {
	s := streamOf(t, &pieces{
		": hi\n\n", delta("a") + delta("b"), ": still here\n\n", object(`{"field":"logMap"}`),
		delta("c") + "data: {", `"data":"d"}` + "\n\n", delta("<think>"), recorded("abcd<think>e"), done,
	})
	var got []string
	for {
		ev, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == chat.EventDone {
			break
		}
		if ev.Kind == chat.EventPause {
			ev.Text = "|"
		}
		got = append(got, ev.Text)
	}
	want := []string{"a", "b", "|", "c", "|", "d", "|", "<think>", "|", "e"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
