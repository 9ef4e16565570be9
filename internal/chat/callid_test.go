package chat_test

import (
	"bytes"
	"math"
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
