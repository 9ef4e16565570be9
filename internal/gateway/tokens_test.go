package gateway

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"achuan/internal/tokens"
)

func TestCountTokens(t *testing.T) {
	for text, want := range map[string]int{"": 0, "hello world": 2, "你好": 1} {
		if got := countTokens(text); got != want {
			t.Errorf("countTokens(%q) = %d, want %d", text, got, want)
		}
	}
}

// The tokenizer is quadratic on long words, so that it gets each short slice once.
func TestCountTokensIsLinear(t *testing.T) {
	for name, text := range map[string]string{"one word": strings.Repeat("x", 200_000), "runes": strings.Repeat("敏😀", 20_000), "no UTF-8": strings.Repeat("\x80", 5000)} {
		pieces, longest := 0, 0
		got := countSlices(text, func(piece string) int {
			pieces++
			longest = max(longest, len(piece))
			return len(piece)
		})
		if got != len(text) || longest > maxSliceBytes {
			t.Errorf("%s: countSlices saw %d bytes, up to %d at once, want %d and at most %d", name, got, longest, len(text), maxSliceBytes)
		}
		if maxPieces := len(text)/(maxSliceBytes-utf8.UTFMax) + 1; name != "no UTF-8" && pieces > maxPieces {
			t.Errorf("%s: countSlices saw %d slices, want %d at most", name, pieces, maxPieces)
		}
	}
}

// For a long text, estimateTokens counts a sample. The estimate is close, and it counts no more than for the longest
// text that it counts whole.
func TestEstimateTokensCountsASample(t *testing.T) {
	// The text has 8 MiB.
	words := strings.Repeat("The quick brown fox jumps over the lazy dog. 敏捷的棕色狐狸。 if (a < b) { return; }\n", 90_000)
	short := words[:maxCountedBytes]
	want := countTokens(short[:1000]) + countTokens(short[1000:])
	if got := estimateTokens(short[:1000], short[1000:]); got != want {
		t.Errorf("estimateTokens(short) = %d, want %d", got, want)
	}
	small := strings.SplitAfter(words, "\n")
	want = countTokens(words[:1<<20]) * (len(words) >> 10) / (1 << 10)
	for name, texts := range map[string][]string{"one text": {words}, "many texts": small, "one short, one long": {"a", words}} {
		counted := 0
		got := estimateSlices(func(piece string) int {
			counted += len(piece)
			return tokens.Count(piece)
		}, texts...)
		if counted > maxCountedBytes+maxSliceBytes {
			t.Errorf("%s: estimateSlices counted %d bytes, want %d at most", name, counted, maxCountedBytes+maxSliceBytes)
		}
		if got < want*9/10 || got > want*11/10 {
			t.Errorf("%s: estimateSlices(…) = %d, want about %d", name, got, want)
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
			t.Fatalf("firstTokens(%q, %d) = %q, want a prefix that ends on a rune border", text, n, kept)
		}
		if used > n {
			t.Fatalf("firstTokens(…, %d) has %d tokens, want at most %d", n, used, n)
		}
		_, first := utf8.DecodeRuneInString(text)
		if n > 0 && text != "" && kept == "" && countTokens(text[:first]) <= n && countTokens(text) <= n {
			t.Fatalf("firstTokens(%q, %d) = \"\", want some text", text, n)
		}
	})
}
