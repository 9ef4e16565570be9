package conversation

import (
	"context"
	"time"
)

// poller waits for a change in the store, as long as a request may wait in line.
type poller struct{ deadline time.Time }

// newPoller returns a poller whose time began with the turn, however many things the turn waits
// for.
func (t *turn) newPoller() poller { return poller{t.started.Add(maxWait)} }

// next waits for the next look, and fails with session_busy after the last one.
func (p poller) next(ctx context.Context) error {
	if time.Now().After(p.deadline) {
		return busyError()
	}
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
