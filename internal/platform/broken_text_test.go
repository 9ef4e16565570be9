package platform

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

// If frames end inside characters, the client gets whole characters, or the answer counts as
// diverged.
func TestBrokenCharacters(t *testing.T) {
	const smile = "\xf0\x9f\x99\x82" // 🙂
	for _, tt := range []struct {
		name, in string
		want     collectedAnswer
	}{
		{"bytes over frames", deltaEvent("a\xf0\x9f") + deltaEvent("\x99\x82b") + recordEvent("a🙂b") + doneEvent, collectedAnswer{Text: "a🙂b", Done: recordedEnd(false)}},
		{"a byte in each frame", deltaEvent(smile[:1]) + deltaEvent(smile[1:2]) + deltaEvent(smile[2:3]) + deltaEvent(smile[3:]+"!") + doneEvent, collectedAnswer{Text: "🙂!", Done: estimatedEnd()}},
		{"bytes over frames, escapes beside", deltaEvent(`\n`+"\xe4\xbd") + deltaEvent("\xa0"+`\"`) + doneEvent, collectedAnswer{Text: "\n你\"", Done: estimatedEnd()}},
		{"a byte that no other follows", deltaEvent("a\xe4") + deltaEvent("b") + deltaEvent("\xe4\xbd") + doneEvent, collectedAnswer{Text: "a\ufffdb\ufffd\ufffd", Done: estimatedEnd()}},
		{"half at the end, whole in the record", deltaEvent("a\xf0\x9f") + recordEvent("a🙂") + doneEvent, collectedAnswer{Text: "a🙂", Done: recordedEnd(false)}},
		{"pair over frames", deltaEvent(`a\ud83d`) + deltaEvent(`\ude42b`) + recordEvent("a🙂b") + doneEvent, collectedAnswer{Text: "a🙂b", Done: recordedEnd(false)}},
		{"pair over frames, with an empty one between", deltaEvent(`\ud83d`) + deltaEvent("") + deltaEvent(`\ude42`) + doneEvent, collectedAnswer{Text: "🙂", Done: estimatedEnd()}},
		{"half a pair, whole in the record", deltaEvent(`a\ud83d`) + recordEvent("a🙂") + doneEvent, collectedAnswer{Text: "a🙂", Done: recordedEnd(false)}},
		{"half a pair in the record too", deltaEvent(`a\ud83d`) + deltaEvent("b") + recordEvent(`a\ud83db`) + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: recordedEnd(false)}},
		{"half a pair in the record alone", recordEvent(`a\ud83db`) + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: recordedEnd(false)}},
		{"bytes in the record alone", recordEvent("a\xf0\x9fb") + doneEvent, collectedAnswer{Text: "a\ufffd\ufffdb", Done: recordedEnd(false)}},

		{"replaced, whole in the record", deltaEvent(`a\ufffd\ufffd`) + deltaEvent(`\ufffdb`) + recordEvent("a🙂b") + doneEvent, collectedAnswer{Text: "a🙂b", Done: recordedEnd(false)}},
		{"replaced, several in a row", deltaEvent(`a\ufffd`) + deltaEvent(`\ufffd\ufffd`) + deltaEvent(`\ufffd`) + deltaEvent("c") + recordEvent("a你🙂c") + doneEvent,
			collectedAnswer{Text: "a你🙂c", Done: recordedEnd(false)}},
		{"replaced twice, and more follows", deltaEvent(`\ufffd`) + deltaEvent("b") + deltaEvent("\xff") + recordEvent("你b好, etc.") + doneEvent, collectedAnswer{Text: "你b好, etc.", Done: recordedEnd(false)}},
		{"replaced in the record too", deltaEvent(`a\ufffdb`) + recordEvent(`a\ufffdb`) + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: recordedEnd(false)}},
		{"replaced, in reasoning", deltaEvent(`<think>a\ufffd`) + deltaEvent(`</think>b`) + recordEvent(`<think>a好</think>b`) + doneEvent,
			collectedAnswer{Reasoning: "a好", Text: "b", Done: recordedEnd(false)}},
		{"replaced, without a record", deltaEvent(`a\ufffd`) + deltaEvent("b") + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: estimatedEnd()}},
		{"replaced, and another text in the record", deltaEvent(`a\ufffdb`) + recordEvent("a好c") + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: recordedEnd(true)}},
		{"replaced, and too long a text in the record", deltaEvent(`a\ufffdb`) + recordEvent("a好好b") + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: recordedEnd(true)}},
		{"replaced, and nothing in the record", deltaEvent(`a\ufffdb`) + recordEvent("ab") + doneEvent, collectedAnswer{Text: "a\ufffdb", Done: recordedEnd(true)}},
		{"replaced, and another text before it", deltaEvent("x") + deltaEvent(`\ufffd`) + recordEvent("y好") + doneEvent, collectedAnswer{Text: "x\ufffd", Done: recordedEnd(true)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := collect(t, newTestStream(t, strings.NewReader(tt.in)))
			got.Pauses = 0
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("stream ended with %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The text before a broken character is passed on at once. So is an answer of which too much would
// be held back, and it counts as diverged.
func TestBrokenCharacterHoldsBack(t *testing.T) {
	long := strings.Repeat("x", maxHeldBytes)
	s := newTestStream(t, strings.NewReader(deltaEvent("before")+deltaEvent(`\ufffd`)+deltaEvent("after")+deltaEvent(long)+recordEvent("before好after"+long)+doneEvent))
	var texts []string
	done := eachEvent(t, s, func(ev chat.Event) {
		if ev.Kind == chat.EventText {
			texts = append(texts, ev.Text)
		}
	})
	if !done.Diverged {
		t.Error("Diverged = false, want true")
	}
	if diff := cmp.Diff([]string{"before", "\ufffdafter" + long}, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

// FuzzRuneJoiner splits a text at any byte and checks that the joined text is the same.
func FuzzRuneJoiner(f *testing.F) {
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
			t.Errorf("half of %q = %q, want valid UTF-8", text, got.String())
		}
		joiner.add(&got, []byte(text[at:]), false)
		joiner.flush(&got)
		if out := got.String(); !utf8.ValidString(out) || utf8.ValidString(text) && out != text {
			t.Errorf("joining the pieces of %q = %q, want the same valid text", text, out)
		}
	})
}
