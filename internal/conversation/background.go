package conversation

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"achuan/internal/telemetry"
)

// background runs f in a goroutine that Drain waits for. A panic in f ends nothing else.
func (e *Engine) background(ctx context.Context, f func(ctx context.Context)) {
	e.inFlight.Add()
	go func() {
		defer e.inFlight.Done()
		_ = e.recoverPanic(ctx, func() error { // the only error is a panic, which is logged
			f(ctx)
			return nil
		})
	}()
}

// recoverPanic calls f and returns its error, or an error for its panic.
func (e *Engine) recoverPanic(ctx context.Context, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = e.logPanic(ctx, v)
		}
	}()
	return f()
}

// logPanic counts and logs a panic that was recovered, and returns it as an error.
func (e *Engine) logPanic(ctx context.Context, v any) error {
	e.opts.Metrics.Panicked()
	err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	e.opts.Logger.ErrorContext(ctx, "a part of the server panicked and continues", telemetry.KeyError, err)
	return err
}

// outage records when this process or the store was last unavailable. The leases of other
// processes may have run out then, although those processes are alive.
type outage struct {
	mu       sync.Mutex
	last     time.Time
	lastBeat time.Time // the last heartbeat
}

// record notes that this process or the store was unavailable until now.
func (o *outage) record() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = time.Now()
}

// beat notes a heartbeat. It records an outage when the last heartbeat was longer ago than twice
// the interval, by either clock: the monotonic one, which stops while the machine sleeps, or the
// wall clock.
func (o *outage) beat(every time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	byWall := now.Round(0).Sub(o.lastBeat.Round(0)).Abs()
	if max(now.Sub(o.lastBeat), byWall) > 2*every {
		o.last = now
	}
	o.lastBeat = now
}

// isOver reports whether the last outage was at least one lease ago. Every process that is alive
// has extended its leases since.
func (o *outage) isOver(lease time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return time.Since(o.last) >= lease
}
