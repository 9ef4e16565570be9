package chat

import (
	"errors"
	"testing"
)

// A count takes memory in steps. What it has taken is never more than a step behind its size.
func TestMemoryCount(t *testing.T) {
	var taken int64
	calls := 0
	m := MemoryCount{Take: func(n int64) error {
		taken += n
		calls++
		return nil
	}}
	const additions, n = 10_000, 100
	for i := range int64(additions) {
		if err := m.Add(n); err != nil {
			t.Fatalf("Add() = %v, want nil", err)
		}
		if size := (i + 1) * n; taken > size || size > taken+memoryStep {
			t.Fatalf("bytes taken for a size of %d = %d, want at most one step of %d less", size, taken, memoryStep)
		}
	}
	if maxCalls := additions * n / memoryStep; calls == 0 || calls > maxCalls {
		t.Errorf("calls of Take = %d, want 1 to %d, one for each step", calls, maxCalls)
	}
	full := errors.New("full")
	m.Take = func(int64) error { return full }
	if err := m.Add(2 * memoryStep); !errors.Is(err, full) {
		t.Errorf("Add() = %v, want the error of Take", err)
	}
	if err := new(MemoryCount).Add(1 << 40); err != nil {
		t.Errorf("Add() = %v without Take, want nil", err)
	}
}
