package conversation

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"achuan/internal/telemetry"
)

// background runs f beside the turns, which Drain waits for. A panic in it ends
// nothing else.
func (e *Engine) background(ctx context.Context, f func(ctx context.Context)) {
	e.inFlight.add(1)
	go func() {
		defer e.inFlight.add(-1)
		_ = e.protect(ctx, func() error { // a panic is all that can fail, and is logged
			f(ctx)
			return nil
		})
	}()
}

// protect calls f and returns its error, or that it panicked.
func (e *Engine) protect(ctx context.Context, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = e.panicked(ctx, v)
		}
	}()
	return f()
}

// panicked counts and logs a panic that was recovered, and returns it as an error.
func (e *Engine) panicked(ctx context.Context, v any) error {
	e.Metrics.Panicked()
	err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	e.Logger.ErrorContext(ctx, "a part of the server panicked and goes on", telemetry.KeyError, err)
	return err
}

// outage is when this process or the store was last found to have been away. The
// leases of others may have run out then although their holders are alive.
type outage struct {
	mu   sync.Mutex
	last time.Time
	beat time.Time // the last heartbeat
}

// notice notes that somebody was away until now.
func (o *outage) notice() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = time.Now()
}

// check notes a heartbeat, and an outage when the one before is longer ago than it
// should be by one of the clocks: the monotonic one, which stands still while the
// machine sleeps, or that of the wall.
func (o *outage) check(every time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	byWall := now.Round(0).Sub(o.beat.Round(0)).Abs()
	if max(now.Sub(o.beat), byWall) > 2*every {
		o.last = now
	}
	o.beat = now
}

// isOver reports whether nobody was away for a lease: so long ago, whoever is alive
// has extended what it holds.
func (o *outage) isOver(lease time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.last) >= lease
}
