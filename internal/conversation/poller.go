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

// next waits until it is time to look again. It fails with session_busy after the deadline.
func (p poller) next(ctx context.Context) error {
	if time.Now().After(p.deadline) {
		return busyError()
	}
	return sleep(ctx, pollInterval)
}
