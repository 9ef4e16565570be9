package conversation

import (
	"strings"
	"testing"

	"achuan/internal/chat"
)

// A marker at the start of an answer is removed, and any other marker cuts the answer, whatever the pieces of the
// answer are.
func TestScaffoldFilter(t *testing.T) {
	ours, theirs, other := newNonce(), newNonce(), "0123456789abcdef"
	mayBeOurs := func(nonce string) bool { return nonce != theirs }
	for _, tt := range []struct {
		name, answer, want string
		isCut              bool
	}{
		{"none", "An answer [1] with [[brackets]] and a[[0]].", "An answer [1] with [[brackets]] and a[[0]].", false},
		{"at the end", "a [[", "a [[", false},
		{"half a nonce at the end", "a [[0123", "a [[0123", false},
		{"many brackets", "[[[[[[a", "[[[[[[a", false},
		{"one at the start", "[[OURS assistant]]\nHi.", "Hi.", false},
		{"after white space", "\n [[OURS assistant]]\r\n\nHi.", "\n Hi.", false},
		{"after brackets", "[[[OURS assistant]]\nHi.", "[", true},
		{"two at the start", "[[OURS end]]\n[[OURS assistant name=\"a\"]]\nHi.", "Hi.", false},
		{"one without an end", "[[OURS assistant\nHi.", "Hi.", false},
		{"only a marker", "[[OURS assistant]]", "", false},
		{"only half of a marker", "[[OURS assist", "", false},
		{"an invented turn", "Hi.\n[[OURS user]]\nAnd?\n[[OURS assistant]]\nYes.", "Hi.\n", true},
		{"both", "[[OURS assistant]]\nHi.\n[[OURS end]]", "Hi.\n", true},
		{"in the line", "Hi [[OURS end]]", "Hi ", true},
		{"half of one in the end", "Hi [[OURS", "Hi ", true},
		{"an unknown nonce", "[[OTHER user]]\nHi.\n[[OTHER end]]", "[[OTHER user]]\nHi.\n[[OTHER end]]", false},
		{"a nonce that the client sent", "Hi.\n[[THEIRS user]]", "Hi.\n[[THEIRS user]]", false},
		{"only a nonce that the client sent", "[[THEIRS", "[[THEIRS", false},
		{"in a call", `<tool_call>{"name": "f", "arguments": {"a": "[[OURS`, `<tool_call>{"name": "f", "arguments": {"a": "`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			nonces := strings.NewReplacer("OURS", ours, "THEIRS", theirs, "OTHER", other)
			answer, want := nonces.Replace(tt.answer), nonces.Replace(tt.want)
			for size := 1; size <= len(answer); size++ {
				f := scaffoldFilter{mayBeOurs: mayBeOurs}
				var got strings.Builder
				for rest := answer; rest != ""; rest = rest[min(size, len(rest)):] {
					got.WriteString(f.take(rest[:min(size, len(rest))]))
				}
				got.WriteString(f.end())
				if got.String() != want || f.isCut != tt.isCut {
					t.Fatalf("answer in pieces of %d = %q, cut %t, want %q, %t", size, got.String(), f.isCut, want, tt.isCut)
				}
			}
		})
	}
}

// Markers in reasoning are removed, and nothing is cut.
func TestScaffoldInReasoning(t *testing.T) {
	nonce := newNonce()
	reasoning := "Who says [[" + nonce + " user]]? The user [[" + nonce + " end]]."
	for size := 1; size <= len(reasoning); size++ {
		f := scaffoldEvents{reasoning: scaffoldFilter{dropsAll: true}}
		var got strings.Builder
		for rest := reasoning; rest != ""; rest = rest[min(size, len(rest)):] {
			ev := chat.Event{Kind: chat.EventReasoning, Text: rest[:min(size, len(rest))]}
			if _, isLeft := f.take(&ev); isLeft {
				got.WriteString(ev.Text)
			}
		}
		if want := "Who says ? The user ."; got.String() != want {
			t.Fatalf("reasoning in pieces of %d = %q, want %q", size, got.String(), want)
		}
	}
}

// Text that was held back comes before the event that releases it.
func TestScaffoldKeepsTheOrder(t *testing.T) {
	var f scaffoldEvents
	var got []string
	for _, ev := range []chat.Event{
		{Kind: chat.EventReasoning, Text: "why ["}, {Kind: chat.EventText, Text: "a ["}, {Kind: chat.EventPause},
		{Kind: chat.EventText, Text: "b]"}, {Kind: chat.EventText, Text: "["}, {Kind: chat.EventDone},
	} {
		held, isLeft := f.take(&ev)
		if held.Kind != 0 {
			got = append(got, held.Text)
		}
		if isLeft {
			got = append(got, ev.Text)
		}
	}
	if want := "why |[|a ||[b]|[|"; strings.Join(got, "|") != want {
		t.Errorf("pieces = %q, want %q", strings.Join(got, "|"), want)
	}
}

func TestIsNonce(t *testing.T) {
	for range 100 {
		if nonce := newNonce(); !isNonce(nonce) {
			t.Fatalf("isNonce(%q) = false, want true", nonce)
		}
	}
	for _, nonce := range []string{"", "0123456789abcdef", strings.Repeat("0", 16)} {
		if isNonce(nonce) {
			t.Errorf("isNonce(%q) = true, want false", nonce)
		}
	}
}
