package chat_test

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"achuan/internal/chat"
)

func TestCallID(t *testing.T) {
	var none, most, other [16]byte
	copy(most[:], bytes.Repeat([]byte{0xff}, len(most)))
	other[7] = 1
	seen := map[string]bool{}
	for _, seed := range [][16]byte{none, most, other} {
		var shared string
		for _, index := range []int{0, 1, 9, 10, 399, math.MaxInt32} {
			id := chat.CallID(seed, index)
			if seen[id] || len(id) > 40 {
				t.Errorf("CallID(%x, %d) = %q, want a new id of at most 40 bytes", seed, index, id)
			}
			seen[id] = true
			answer, ok := chat.CallAnswer(id)
			if !ok || shared != "" && answer != shared {
				t.Errorf("CallAnswer(%q) = %q, %t, want %q, true", id, answer, ok, shared)
			}
			shared = answer
		}
	}
}

func TestCallAnswerOfOtherIDs(t *testing.T) {
	for _, id := range []string{
		"", "call_", "call_1", "call_0123456789ABCDEFGHIJKLMN", "call_0123456789ABCDEFGHIJKL", "call_0123456789ABCDEFGHIJKL_",
		"call_0123456789ABCDEFGHIJK-_0", "call_0123456789ABCDEFGHIJKL_x", "toolu_0123456789ABCDEFGHIJ_0", "call_0123456789ABCDEFGHIJKL_-1",
	} {
		if answer, ok := chat.CallAnswer(id); ok {
			t.Errorf("CallAnswer(%q) = %q, true, want false", id, answer)
		}
	}
}

func TestParseSessionID(t *testing.T) {
	for _, tt := range []struct {
		give string
		want int64
		ok   bool
	}{
		{"1", 1, true}, {"9999999999999999", 9999999999999999, true},
		{"", 0, false}, {"0", 0, false}, {"01", 0, false}, {"-1", 0, false}, {"+1", 0, false}, {"1 ", 0, false}, {"1.0", 0, false},
		{"10000000000000000", 0, false}, {"１", 0, false}, {"1_0", 0, false},
	} {
		if got, ok := chat.ParseSessionID(tt.give); got != tt.want || ok != tt.ok {
			t.Errorf("ParseSessionID(%q) = %d, %t, want %d, %t", tt.give, got, ok, tt.want, tt.ok)
		}
	}
}

func TestRandomID(t *testing.T) {
	const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	seen := map[string]bool{}
	counts := map[rune]int{}
	for range 2000 {
		id := chat.RandomID("chatcmpl-", 29)
		rest, ok := strings.CutPrefix(id, "chatcmpl-")
		if !ok || len(rest) != 29 || strings.Trim(rest, base62) != "" || seen[id] {
			t.Fatalf("RandomID() = %q, want a new id of 29 base62 digits", id)
		}
		seen[id] = true
		for _, r := range rest {
			counts[r]++
		}
	}
	// 58,000 digits are 935 of each, with a standard deviation of 30.
	for _, r := range base62 {
		if n := counts[r]; n < 700 || n > 1200 {
			t.Errorf("RandomID gives the digit %c %d times, want about 935", r, n)
		}
	}
}

func FuzzParseSessionID(f *testing.F) {
	for _, s := range []string{"", "0", "1", "01", "12", "9999999999999999", "10000000000000000", "-1", "1e3", " 1", "１", "1_0", "0x1"} {
		f.Add(s)
	}
	pattern := regexp.MustCompile(`^[1-9][0-9]{0,15}\z`)
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := chat.ParseSessionID(s)
		if ok != pattern.MatchString(s) {
			t.Fatalf("ParseSessionID(%q) = %d, %t, want %t", s, got, ok, !ok)
		}
		if ok && strconv.FormatInt(got, 10) != s || !ok && got != 0 {
			t.Fatalf("ParseSessionID(%q) = %d, %t, want the same number", s, got, ok)
		}
	})
}

func TestSplitCallID(t *testing.T) {
	id := chat.CallID([16]byte{7}, 12)
	answer, _ := chat.CallAnswer(id)
	checked := chat.AppendCheck(id, math.MaxUint64)
	for give, want := range map[string]chat.CallIDParts{
		id: {Answer: answer, Index: "12"}, checked: {Answer: answer, Index: "12", Check: checked[len(id)+1:]},
	} {
		if got, ok := chat.SplitCallID(give); !ok || got != want || len(give) > 40 {
			t.Errorf("SplitCallID(%q) = %+v, %t, want %+v", give, got, ok, want)
		}
	}
	for _, other := range []string{id + "_", id + "_short", checked + "x", checked[:len(checked)-1] + "-", strings.Replace(checked, "_12_", "__", 1)} {
		if got, ok := chat.SplitCallID(other); ok {
			t.Errorf("SplitCallID(%q) = %+v, true, want false", other, got)
		}
	}
}
