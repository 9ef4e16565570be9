package platform

import (
	"strings"
	"testing"

	"achuan/internal/chat"
)

var errMemory = &chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeOverloaded, Message: "no memory"}

// memoryFor returns a function that gives memory up to a limit, and what it has given.
func memoryFor(limit int64) (take func(int64) error, taken *int64) {
	taken = new(int64)
	return func(n int64) error {
		if *taken+n > limit {
			return errMemory
		}
		*taken += n
		return nil
	}, taken
}

// A reply takes memory while it arrives, and fails where there is none left. What came before is
// never a whole answer.
func TestReplyMemory(t *testing.T) {
	const mib = 1 << 20
	piece := strings.Repeat("0123456789abcdef", 64)
	pieces := func(n int) string { return strings.Repeat(deltaEvent(piece), n/len(piece)) }
	long := strings.Repeat("x", 2*mib)
	for _, tt := range []struct {
		name, reply string
		limit       int64
		min, max    int64 // that is taken
		text        int   // bytes
		failed      bool
	}{
		{"a short answer", pieces(10<<10) + recordEvent(strings.Repeat(piece, 10)) + doneEvent, 0, 0, 0, 10 << 10, false},
		{"a long answer in pieces", pieces(mib) + doneEvent, 100 * mib, answerCost*mib - 64<<10, answerCost * mib, mib, false},
		{"a long answer in one piece", deltaEvent(long) + doneEvent, 100 * mib, (answerCost+frameCost)*2*mib - 64<<10, 2 * (answerCost + frameCost) * 2 * mib, 2 * mib, false},
		{"a long record", deltaEvent("a") + recordEvent("a"+long) + doneEvent, 100 * mib, frameCost * 2 * mib, 2 * (answerCost + frameCost) * 2 * mib, 2*mib + 1, false},
		{"pieces without memory", pieces(mib) + recordEvent(strings.Repeat(piece, mib/len(piece))) + doneEvent, 3 * mib, 2 * mib, 3 * mib, mib/2 + 64<<10, true},
		{"one piece without memory", deltaEvent("a") + deltaEvent(long) + doneEvent, 3 * mib, mib, 3 * mib, 1, true},
		{"a record without memory", deltaEvent("a") + recordEvent("a"+long) + doneEvent, 3 * mib, mib, 3 * mib, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestStream(t, strings.NewReader(tt.reply))
			take, taken := memoryFor(tt.limit)
			s.memory.Take = take
			got, err := collect(t, s)
			if tt.failed != (err != nil) || tt.failed != (got.Done == nil) {
				t.Fatalf("collect() = %v with the end %v, want failed = %v", err, got.Done, tt.failed)
			}
			if tt.failed {
				if e := chat.AsError(err); e.Code != chat.CodeOverloaded || e.EndSeen || e.NotAsked {
					t.Errorf("collect() = %#v, want overloaded, in the middle of an answer", err)
				}
			}
			if n := len(got.Text); tt.failed && n > tt.text || !tt.failed && n != tt.text {
				t.Errorf("%d bytes of text, want %d (at most, if it fails)", n, tt.text)
			}
			if *taken < tt.min || *taken > tt.max {
				t.Errorf("%d bytes of memory taken, want %d to %d", *taken, tt.min, tt.max)
			}
		})
	}
}
