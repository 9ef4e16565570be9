package platform

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

// Frames that end inside of characters: the client gets whole ones, or the answer
// counts as diverged.
func TestTornCharacters(t *testing.T) {
	const smile = "\xf0\x9f\x99\x82" // 🙂
	for _, tt := range []struct {
		name, in string
		want     answer
	}{
		{"bytes over frames", delta("a\xf0\x9f") + delta("\x99\x82b") + recorded("a🙂b") + done, answer{Text: "a🙂b", Done: whole(false)}},
		{"a byte in each frame", delta(smile[:1]) + delta(smile[1:2]) + delta(smile[2:3]) + delta(smile[3:]+"!") + done, answer{Text: "🙂!", Done: estimated()}},
		{"bytes over frames, escapes beside", delta(`\n`+"\xe4\xbd") + delta("\xa0"+`\"`) + done, answer{Text: "\n你\"", Done: estimated()}},
		{"a byte that no other follows", delta("a\xe4") + delta("b") + delta("\xe4\xbd") + done, answer{Text: "a\ufffdb\ufffd\ufffd", Done: estimated()}},
		{"half at the end, whole in the record", delta("a\xf0\x9f") + recorded("a🙂") + done, answer{Text: "a🙂", Done: whole(false)}},
		{"pair over frames", delta(`a\ud83d`) + delta(`\ude42b`) + recorded("a🙂b") + done, answer{Text: "a🙂b", Done: whole(false)}},
		{"pair over frames, with an empty one between", delta(`\ud83d`) + delta("") + delta(`\ude42`) + done, answer{Text: "🙂", Done: estimated()}},
		{"half a pair, whole in the record", delta(`a\ud83d`) + recorded("a🙂") + done, answer{Text: "a🙂", Done: whole(false)}},
		{"half a pair in the record too", delta(`a\ud83d`) + delta("b") + recorded(`a\ud83db`) + done, answer{Text: "a\ufffdb", Done: whole(false)}},
		{"half a pair in the record alone", recorded(`a\ud83db`) + done, answer{Text: "a\ufffdb", Done: whole(false)}},
		{"bytes in the record alone", recorded("a\xf0\x9fb") + done, answer{Text: "a\ufffd\ufffdb", Done: whole(false)}},

		{"replaced, whole in the record", delta(`a\ufffd\ufffd`) + delta(`\ufffdb`) + recorded("a🙂b") + done, answer{Text: "a🙂b", Done: whole(false)}},
		{"replaced, several in a row", delta(`a\ufffd`) + delta(`\ufffd\ufffd`) + delta(`\ufffd`) + delta("c") + recorded("a你🙂c") + done,
			answer{Text: "a你🙂c", Done: whole(false)}},
		{"replaced twice, and more follows", delta(`\ufffd`) + delta("b") + delta("\xff") + recorded("你b好, etc.") + done, answer{Text: "你b好, etc.", Done: whole(false)}},
		{"replaced in the record too", delta(`a\ufffdb`) + recorded(`a\ufffdb`) + done, answer{Text: "a\ufffdb", Done: whole(false)}},
		{"replaced, in reasoning", delta(`<think>a\ufffd`) + delta(`</think>b`) + recorded(`<think>a好</think>b`) + done,
			answer{Reasoning: "a好", Text: "b", Done: whole(false)}},
		{"replaced, without a record", delta(`a\ufffd`) + delta("b") + done, answer{Text: "a\ufffdb", Done: estimated()}},
		{"replaced, and another text in the record", delta(`a\ufffdb`) + recorded("a好c") + done, answer{Text: "a\ufffdb", Done: whole(true)}},
		{"replaced, and too long a text in the record", delta(`a\ufffdb`) + recorded("a好好b") + done, answer{Text: "a\ufffdb", Done: whole(true)}},
		{"replaced, and nothing in the record", delta(`a\ufffdb`) + recorded("ab") + done, answer{Text: "a\ufffdb", Done: whole(true)}},
		{"replaced, and another text before it", delta("x") + delta(`\ufffd`) + recorded("y好") + done, answer{Text: "x\ufffd", Done: whole(true)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := collect(t, streamOf(t, strings.NewReader(tt.in)))
			got.Pauses = 0
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// What is streamed before a torn character goes on at once, and so does an answer
// of which too much would be held back: it has diverged then.
func TestTornCharacterHoldsBack(t *testing.T) {
	long := strings.Repeat("x", maxHeldBytes)
	s := streamOf(t, strings.NewReader(delta("before")+delta(`\ufffd`)+delta("after")+delta(long)+recorded("before好after"+long)+done))
	var texts []string
	for {
		ev, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == chat.EventDone {
			if !ev.Diverged {
				t.Error("Diverged = false, want true")
			}
			break
		}
		if ev.Kind == chat.EventText {
			texts = append(texts, ev.Text)
		}
	}
	if diff := cmp.Diff([]string{"before", "\ufffdafter" + long}, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

// FuzzTorn tears a text at bytes, in two: it comes out as it was.
func FuzzTorn(f *testing.F) {
	f.Add("a🙂b", 2)
	f.Add("\xed\xa0\xbd\xed\xb9\x82\xff", 3)
	f.Fuzz(func(t *testing.T, text string, at int) {
		if at < 0 || at > len(text) {
			return
		}
		var joiner runeJoiner
		var got strings.Builder
		joiner.add(&got, []byte(text[:at]), false)
		if !utf8.ValidString(got.String()) {
			t.Errorf("half of %q came out as %q", text, got.String())
		}
		joiner.add(&got, []byte(text[at:]), false)
		joiner.flush(&got)
		if out := got.String(); !utf8.ValidString(out) || utf8.ValidString(text) && out != text {
			t.Errorf("%q came out as %q", text, out)
		}
	})
}
