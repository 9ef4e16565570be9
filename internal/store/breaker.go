package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// firstProbeWait is how long calls wait for the answer to the first probe: a call that was
	// held up by itself, as by a lock, is no reason to fail the others.
	firstProbeWait = 250 * time.Millisecond
	// probeInterval is the pause between two probes.
	probeInterval = 250 * time.Millisecond
)

// errNoAnswer is what calls get while the database does not answer.
var errNoAnswer = errors.New("the database does not answer; whether it is back is looked at all the time")

// breaker remembers that the database hangs: calls fail at once instead of each waiting
// for its limit, while one probe at a time looks whether the database is back.
type breaker struct {
	probe    func(ctx context.Context) error // asks the database for anything
	slowCall time.Duration                   // a call that was given up after so long shows that the database hangs

	mu         sync.Mutex
	back       chan struct{} // closed when the database answers again; nil while it answers
	since      time.Time
	lifeCtx    context.Context // of the probes
	cancelLife context.CancelFunc
	probes     sync.WaitGroup
}

func newBreaker(slow time.Duration, probe func(ctx context.Context) error) *breaker {
	g := &breaker{probe: probe, slowCall: slow}
	g.lifeCtx, g.cancelLife = context.WithCancel(context.Background())
	return g
}

// allow lets a call through, or returns why not.
func (g *breaker) allow(ctx context.Context) error {
	g.mu.Lock()
	back, since := g.back, g.since
	g.mu.Unlock()
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

// record tells the gate how a call ended that began at a moment.
func (g *breaker) record(ctx context.Context, began time.Time, err error) {
	if err == nil || time.Since(began) < g.slowCall || ctx.Err() == nil && !isTimeout(err) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.back != nil || g.lifeCtx.Err() != nil {
		return
	}
	g.back, g.since = make(chan struct{}), time.Now()
	g.probes.Go(g.probeUntilBack)
}

// isTimeout reports whether a call ended because nothing came.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// probeUntilBack probes the database until it answers, whatever it says.
func (g *breaker) probeUntilBack() {
	for {
		if err := g.probe(g.lifeCtx); err == nil || !isTimeout(err) && g.lifeCtx.Err() == nil {
			break
		}
		select {
		case <-g.lifeCtx.Done():
			return
		case <-time.After(probeInterval):
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.back)
	g.back = nil
}

// stop ends the probes.
func (g *breaker) stop() {
	g.cancelLife()
	g.probes.Wait()
}
