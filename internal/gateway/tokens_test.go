package gateway

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCountTokens(t *testing.T) {
	for text, want := range map[string]int{"": 0, "hello world": 2, "你好": 1} {
		if got := countTokens(text); got != want {
			t.Errorf("countTokens(%q) = %d, want %d", text, got, want)
		}
	}
}

func TestCountTokensIsLinear(t *testing.T) {
	small, large := strings.Repeat("x", 20_000), strings.Repeat("x", 200_000)
	countTokens("warm")
	measure := func(text string) time.Duration {
		best := time.Hour
		for range 3 {
			began := time.Now()
			countTokens(text)
			best = min(best, time.Since(began))
		}
		return best
	}
	if a, b := measure(small), measure(large); b > 40*a {
		t.Errorf("ten times the text took %v after %v", b, a)
	}
}

// Of long texts a sample is counted: the estimate is near, and takes no longer than
// that of a text that is counted whole.
func TestEstimateTokensCountsASample(t *testing.T) {
	words := strings.Repeat("The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸。 if (a < b) { return; }\n", 90_000) // 8 MiB
	short := words[:maxCounted]
	if got, want := estimateTokens(short[:1000], short[1000:]), countTokens(short[:1000])+countTokens(short[1000:]); got != want {
		t.Errorf("estimateTokens(short) = %d, want %d", got, want)
	}
	small := strings.SplitAfter(words, "\n")
	want := countTokens(words[:1<<20]) * (len(words) >> 10) / (1 << 10)
	began := time.Now()
	countTokens(short)
	limit := 20 * time.Since(began)
	for name, texts := range map[string][]string{"one text": {words}, "many texts": small, "one short, one long": {"a", words}} {
		began = time.Now()
		got := estimateTokens(texts...)
		if took := time.Since(began); took > limit {
			t.Errorf("%s: estimateTokens took %v, want %v at most", name, took, limit)
		}
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s: estimateTokens(…) = %d, want about %d", name, got, want)
		}
	}
	if got := estimateTokens(); got != 0 {
		t.Errorf("estimateTokens() = %d, want 0", got)
	}
}

func TestFirstTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.ToValidUTF8(strings.Repeat(rapid.String().Draw(t, "text"), rapid.IntRange(1, 40).Draw(t, "times")), "?")
		n := rapid.IntRange(0, 50).Draw(t, "n")
		kept, used := firstTokens(text, n)
		if !strings.HasPrefix(text, kept) || !utf8.ValidString(kept) {
			t.Fatalf("%q is no prefix of %q on a rune border", kept, text)
		}
		if used > n {
			t.Fatalf("%d tokens, at most %d allowed", used, n)
		}
		_, first := utf8.DecodeRuneInString(text)
		if n > 0 && text != "" && kept == "" && countTokens(text[:first]) <= n && countTokens(text) <= n {
			t.Fatalf("nothing of %q kept for %d tokens", text, n)
		}
	})
}
