package conversation

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/telemetry"
)

// owed are ends of takings that could not be committed. Their sessions stay taken,
// and so match nothing, until the store is back; then they become what they are.
// Should their leases run out before that, they are dirty.
type owed struct {
	settling atomic.Bool

	mu    sync.Mutex
	debts []debt // the oldest first
}

// debt is one write that is owed.
type debt struct {
	token Token
	pay   func(ctx context.Context, s Store) error
}

// mostOwed bounds what is kept while the store is away.
const mostOwed = 10_000

// owe keeps the end of a taking for later, and its lease alive.
func (e *Engine) owe(d debt) {
	e.owed.mu.Lock()
	defer e.owed.mu.Unlock()
	if len(e.owed.debts) < mostOwed {
		e.owed.debts = append(e.owed.debts, d)
		e.leases.owe(d.token)
	}
}

// oldest returns the debt that is to be paid next.
func (o *owed) oldest() (d debt, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.debts) == 0 {
		return debt{}, false
	}
	return o.debts[0], true
}

func (o *owed) paid() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.debts = o.debts[1:]
}

// lastWait is how long the store has for what is owed when the program ends.
const lastWait = 2 * time.Second

// settleLast commits what is owed before the program ends.
func (e *Engine) settleLast(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWait)
	defer cancel()
	if err := e.settle(ctx); err != nil {
		e.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// settle commits what is owed, in order, until the store fails again or leases are
// to be extended. One goroutine does so at a time; others need not wait for it.
func (e *Engine) settle(ctx context.Context) error {
	if !e.owed.settling.CompareAndSwap(false, true) {
		return nil
	}
	defer e.owed.settling.Store(false)
	for began := time.Now(); time.Since(began) < e.Lease/4; {
		d, ok := e.owed.oldest()
		if !ok {
			return nil
		}
		if err := d.pay(ctx, e.Store); err != nil && !errors.Is(err, ErrNotHeld) {
			return err
		}
		e.owed.paid()
		e.leases.settled(d.token)
	}
	return nil
}
