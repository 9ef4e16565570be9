package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// firstProbeWait is how long calls wait for the result of the first probe. One slow call,
	// which may have waited for a lock, must not fail the other calls.
	firstProbeWait = 250 * time.Millisecond
	// probeInterval is the time between two probes.
	probeInterval = 250 * time.Millisecond
)

// errNoAnswer is the error of calls while the database does not answer.
var errNoAnswer = errors.New("the database does not answer; achuan keeps checking whether it is back")

// breaker is a circuit breaker for a database that hangs. Calls fail at once instead of each
// waiting for its timeout, while one goroutine probes whether the database is back.
type breaker struct {
	probe    func(ctx context.Context) error // returns nil if the database answers
	slowCall time.Duration                   // a call that times out after at least this time opens the breaker

	mu         sync.Mutex
	back       chan struct{}   // closed when the database answers again; nil while the breaker is closed
	since      time.Time       // when the breaker opened
	lifeCtx    context.Context // of the probes
	cancelLife context.CancelFunc
	probes     sync.WaitGroup
}

func newBreaker(slow time.Duration, probe func(ctx context.Context) error) *breaker {
	b := &breaker{probe: probe, slowCall: slow}
	b.lifeCtx, b.cancelLife = context.WithCancel(context.Background())
	return b
}

// allow returns nil if a call may begin, or the error of the call.
func (b *breaker) allow(ctx context.Context) error {
	b.mu.Lock()
	back, since := b.back, b.since
	b.mu.Unlock()
	if back == nil {
		return nil
	}
	timer := time.NewTimer(firstProbeWait - time.Since(since))
	defer timer.Stop()
	select {
	case <-back:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return errNoAnswer
	}
}

// record opens the breaker if the result of a call shows that the database hangs.
func (b *breaker) record(ctx context.Context, began time.Time, err error) {
	if err == nil || time.Since(began) < b.slowCall || ctx.Err() == nil && !isTimeout(err) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.back != nil || b.lifeCtx.Err() != nil {
		return
	}
	b.back, b.since = make(chan struct{}), time.Now()
	b.probes.Go(b.probeUntilBack)
}

// isTimeout reports whether a call ended because the database did not answer.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// probeUntilBack probes the database until it answers, even with an error, and closes the breaker.
func (b *breaker) probeUntilBack() {
	for {
		if err := b.probe(b.lifeCtx); err == nil || !isTimeout(err) && b.lifeCtx.Err() == nil {
			break
		}
		select {
		case <-b.lifeCtx.Done():
			return
		case <-time.After(probeInterval):
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.back)
	b.back = nil
}

// stop ends the probes.
func (b *breaker) stop() {
	b.cancelLife()
	b.probes.Wait()
}
