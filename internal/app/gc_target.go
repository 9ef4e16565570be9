package app

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// minGarbage is how many bytes the heap may grow at least between two collections. The runtime's default lets it grow
// by what lives, which is little in a server without much to do: that server would then collect several times a second
// under load.
const minGarbage = 64 << 20

// setGCTarget sets how far the heap may grow between two collections: by minGarbage, or by half of what lives if that
// is more. GOGC in the environment has priority. The memory limit, from the cgroup or from GOMEMLIMIT, also bounds the
// heap then: the runtime obeys the smaller of both. The setting is one of the process, so further calls do nothing.
var setGCTarget = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		newGCTarget(minGarbage, nil).adjust()
	}
})

// gcTarget adjusts the percentage of the garbage collector after each collection.
type gcTarget struct {
	minGarbage uint64
	adjusted   func() // is called after each adjustment; nil for nothing
	samples    []metrics.Sample
	percent    int // that was set last
}

// newGCTarget returns a target. Its first adjustment starts it.
func newGCTarget(minGarbage uint64, adjusted func()) *gcTarget {
	return &gcTarget{minGarbage: minGarbage, adjusted: adjusted, samples: []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}}
}

// adjust sets the percentage. Nothing refers to the target, so the next collection calls adjust again, as the target's
// finalizer.
func (t *gcTarget) adjust() {
	metrics.Read(t.samples)
	live, stacks, globals := t.samples[0].Value.Uint64(), t.samples[1].Value.Uint64(), t.samples[2].Value.Uint64()
	// Setting the percentage stops the process for some microseconds.
	if percent := gcPercent(t.minGarbage, live, stacks+globals); percent != t.percent {
		debug.SetGCPercent(percent)
		t.percent = percent
	}
	runtime.SetFinalizer(t, (*gcTarget).adjust)
	if t.adjusted != nil {
		t.adjusted()
	}
}

// minHeap is the size of the heap, at 100 %, below which the runtime does not collect.
const minHeap = 4 << 20

// gcPercent returns the percentage with which the heap grows as setGCTarget says. The percentage is that of what
// lives and of the other memory that a collection scans.
func gcPercent(minGarbage, live, scanned uint64) int {
	garbage := max(minGarbage, live/2)
	// With a higher percentage, minHeap would be more than the garbage.
	return int(100 * garbage / max(live+scanned, minHeap))
}
