package store

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

const (
	// gateWait is how long calls wait for the answer to the first probe: a call that was
	// held up by itself, as by a lock, is no reason to fail the others.
	gateWait = 250 * time.Millisecond
	// probeEvery is the pause between two probes.
	probeEvery = 250 * time.Millisecond
)

// errHangs is what calls get while the database does not answer.
var errHangs = errors.New("the database does not answer; whether it is back is looked at all the time")

// gate remembers that the database hangs: calls fail at once instead of each waiting
// for its limit, while one probe at a time looks whether the database is back.
type gate struct {
	probe func(ctx context.Context) error // asks the database for anything
	slow  time.Duration                   // a call that was given up after so long shows that the database hangs

	mu      sync.Mutex
	back    chan struct{} // closed when the database answers again; nil while it answers
	since   time.Time
	life    context.Context // of the probes
	end     context.CancelFunc
	probing sync.WaitGroup
}

func newGate(slow time.Duration, probe func(ctx context.Context) error) *gate {
	g := &gate{probe: probe, slow: slow}
	g.life, g.end = context.WithCancel(context.Background())
	return g
}

// pass lets a call through, or returns why not.
func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	back, since := g.back, g.since
	g.mu.Unlock()
	if back == nil {
		return nil
	}
	timer := time.NewTimer(gateWait - time.Since(since))
	defer timer.Stop()
	select {
	case <-back:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return errHangs
	}
}

// report tells the gate how a call ended that began at a moment.
func (g *gate) report(ctx context.Context, began time.Time, err error) {
	if err == nil || time.Since(began) < g.slow || ctx.Err() == nil && !isTimeout(err) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.back != nil || g.life.Err() != nil {
		return
	}
	g.back, g.since = make(chan struct{}), time.Now()
	g.probing.Go(g.look)
}

// isTimeout reports whether a call ended because nothing came.
func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// look probes the database until it answers, whatever it says.
func (g *gate) look() {
	for {
		if err := g.probe(g.life); err == nil || !isTimeout(err) && g.life.Err() == nil {
			break
		}
		select {
		case <-g.life.Done():
			return
		case <-time.After(probeEvery):
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.back)
	g.back = nil
}

// stop ends the probes.
func (g *gate) stop() {
	g.end()
	g.probing.Wait()
}
