package app

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// After a load the runtime keeps the memory that the heap may grow into again, up to minGarbage. A server that became
// idle gives it back to the system: once after each load, because that takes a collection.
const (
	idleInterval = 20 * time.Second // of the checks
	maxIdleAlloc = 1 << 20          // bytes that are allocated in an interval without load, such as by probes
	minReturned  = 8 << 20          // bytes that must have been allocated since memory was given back
)

// idleMemory gives memory back to the system when the server is idle.
type idleMemory struct {
	allocated func() uint64 // bytes that were ever allocated
	giveBack  func()
	last      uint64 // allocated at the last check
	returned  uint64 // allocated when memory was given back
}

// runIdleMemory returns memory until ctx ends. GOGC in the environment has priority, as for setGCTarget.
func runIdleMemory(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	m := idleMemory{giveBack: debug.FreeOSMemory, allocated: func() uint64 {
		metrics.Read(sample) // does not stop the process
		return sample[0].Value.Uint64()
	}}
	ticker := time.NewTicker(idleInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			m.check()
		}
	}
}

// check runs once in each interval.
func (m *idleMemory) check() {
	now := m.allocated()
	isIdle := now-m.last < maxIdleAlloc
	m.last = now
	if isIdle && now-m.returned >= minReturned {
		m.giveBack()
		m.returned = now
	}
}
