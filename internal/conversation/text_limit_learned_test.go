package conversation

import (
	"strings"
	"testing"
)

// A limit is learned from what is refused and accepted. A short text that is refused teaches nothing, and its estimate
// is half of it.
func TestTextLimitIsLearned(t *testing.T) {
	var l textLimit
	l.refuse(5_000)
	if l.max() != 0 || l.estimate(5_000) != 2_500 {
		t.Errorf("after a short text: max = %d, estimate = %d, want none and 2500", l.max(), l.estimate(5_000))
	}
	l.accept(strings.Repeat("长", 9_000))
	l.refuse(20_000)
	l.refuse(30_000)
	if l.max() != 19_999 || l.estimate(30_000) != 10_000 {
		t.Errorf("max = %d, estimate = %d, want 19999 and 10000", l.max(), l.estimate(30_000))
	}
	l.accept(strings.Repeat("a", 15_000))
	if got := l.estimate(30_000); got != 15_000 {
		t.Errorf("estimate = %d, want the 15000 that were accepted", got)
	}
	l.accept(strings.Repeat("a", 25_000))
	if l.max() != 0 {
		t.Errorf("max = %d after a longer text was accepted, want none", l.max())
	}
}
