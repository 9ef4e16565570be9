package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestGCPercent(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name          string
		live, scanned uint64
		want          int
	}{
		{"nothing yet", 0, 0, 1600},
		{"little", 3 * mib, mib, 1600},
		{"some", 30 * mib, 2 * mib, 200},
		{"as much as the garbage", 128 * mib, 0, 50},
		{"much", 1000 * mib, 0, 50},
		{"much in stacks", 1000 * mib, 250 * mib, 40},
	} {
		if got := gcPercent(64*mib, c.live, c.scanned); got != c.want {
			t.Errorf("%s: gcPercent = %d, want %d", c.name, got, c.want)
		}
	}
}

// kept is what lives in TestGCTarget.
var kept []byte

// The percentage follows what lives, from one collection to the next.
func TestGCTarget(t *testing.T) {
	was := debug.SetGCPercent(100)
	defer debug.SetGCPercent(was)
	defer func() { kept = nil }()
	const garbage = 64 << 20
	adjusted := make(chan struct{})
	stopped := make(chan struct{})
	go newGCTarget(garbage, func() {
		select {
		case adjusted <- struct{}{}:
		case <-stopped:
		}
	}).adjust()
	<-adjusted
	for _, size := range []int{0, 256 << 20, 0} {
		kept = make([]byte, size)
		for range 2 { // an adjustment may see the collection before
			collectUntil(adjusted)
		}
		if got, want := heapGrowth(), max(garbage, size/2); got < want/10*9 || got > want/10*11 {
			t.Errorf("growth of the heap with %d MiB that live = %d MiB, want %d", size>>20, got>>20, want>>20)
		}
	}
	close(stopped)
}

// collectUntil collects until a value comes. The finalizer of a target runs some time after a collection.
func collectUntil(adjusted <-chan struct{}) {
	for {
		runtime.GC()
		select {
		case <-adjusted:
			return
		default:
		}
	}
}

// heapGrowth returns how far the heap may grow until the next collection starts.
func heapGrowth() int {
	samples := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}, {Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	return int(samples[0].Value.Uint64()) - int(samples[1].Value.Uint64())
}
