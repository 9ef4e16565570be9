package simulator

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "<b>&", `"\`, "\n\t\x00\x7f", "你好", "\u2028", "\xff\xfe", "👩‍👩‍👧"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		if got := appendString([]byte("x"), s); string(got) != "x"+string(want) {
			t.Errorf("appendString(\"x\", %q) = %s, want x%s", s, got, want)
		}
	})
}

func TestSplitText(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", []string{}},
		{"<think>", []string{"<", "thin", "k", ">"}},
		{"Hello there", []string{"Hel", "lo", " there"}},
		{"你好世界吗", []string{"你", "好世", "界", "吗"}},
		{"a\n\n\nb", []string{"a", "\n\n", "\n", "b"}},
		{"  x   ", []string{"  x", "   "}},
		{"12345 67", []string{"123", "45", " 67"}},
		{"👩‍👩‍👧!👍🏽", []string{"👩‍👩‍👧", "!", "👍🏽"}},
		{"e\u0301\u0301!", []string{"e\u0301\u0301", "!"}},
	} {
		if diff := cmp.Diff(tt.want, splitText(tt.text)); diff != "" {
			t.Errorf("splitText(%q) (-want +got):\n%s", tt.text, diff)
		}
	}
}

func FuzzSplitText(f *testing.F) {
	for _, s := range []string{"", mixedText, "\u200d", "a\u200d", "\xff\xf0\x9f", "   ", "\n\n\n", strings.Repeat("ab ", 50)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, piece := range splitText(s) {
			if piece == "" {
				t.Fatalf("splitText(%q) = %q, want no empty piece", s, splitText(s))
			}
			if utf8.ValidString(s) && !utf8.ValidString(piece) {
				t.Fatalf("splitText(%q) = %q, want whole characters in each piece", s, splitText(s))
			}
		}
		if got := strings.Join(splitText(s), ""); got != s {
			t.Errorf("splitText(%q), joined = %q, want the same text", s, got)
		}
	})
}

func TestTaskIDsContainTime(t *testing.T) {
	var i idSource
	last := ""
	for range 10_000 { // more than one millisecond has
		id := i.nextTask(start)
		if len(id) != 19 || id <= last {
			t.Fatalf("nextTask() = %s after %s, want 19 digits and a greater id", id, last)
		}
		last = id
	}
	id, err := strconv.ParseInt((&idSource{}).nextTask(start), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if at := time.UnixMilli(id>>22 + 1288834974657); !at.Equal(start) {
		t.Errorf("time in the id = %v, want %v", at, start)
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]int{"": 0, "a": 1, "abcd": 1, "abcde": 2, "你好": 2, "你好 abc": 3, "é": 1, "👍": 1} {
		if got := Tokens(text); got != want {
			t.Errorf("Tokens(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestIsVersionAtLeast(t *testing.T) {
	for version, want := range map[string]bool{"2.14.0": false, "2.9": false, "3": false, "3.0.9": false, "3.1": true, "3.1.0": true, "3.12.1": true, "4": true, "": false} {
		if got := isVersionAtLeast(version, 3, 1); got != want {
			t.Errorf("isVersionAtLeast(%q, 3, 1) = %v, want %v", version, got, want)
		}
	}
}

func TestPrice(t *testing.T) {
	for points, want := range map[string]int{"1积分": 1, "100000积分": 100000, "免费": 0, "": 0, "3 积分": 3} {
		if got := (Model{Points: points}).price(); got != want {
			t.Errorf("price of %q = %d, want %d", points, got, want)
		}
	}
}
