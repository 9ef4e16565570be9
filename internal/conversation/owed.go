package conversation

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/telemetry"
)

// owed are writes that could not be committed, or of which nobody knows whether they
// were: ends of takings, and releases of what a call of unknown outcome may have taken.
// Until the store answers, their sessions stay taken and match nothing.
type owed struct {
	settling atomic.Bool

	mu    sync.Mutex
	debts []*debt // the oldest first
}

// debt is one write that is owed.
type debt struct {
	token Token
	pay   func(ctx context.Context, s Store) error
	after time.Time // it is not done before
	// again says that the write is done once more when the store has surely ended all
	// that was begun before: a statement that was given up may be done late.
	again bool
}

// mostOwed bounds what is kept while the store is away.
const mostOwed = 10_000

// owe keeps a write for later, and the lease of its taking alive.
func (e *Engine) owe(d debt) {
	e.owed.mu.Lock()
	isFull := len(e.owed.debts) >= mostOwed
	if !isFull {
		e.owed.debts = append(e.owed.debts, &d)
		e.leases.owe(d.token)
	}
	e.owed.mu.Unlock()
	if isFull {
		e.Logger.Error("too many writes wait for the store; what one more has taken stays taken until a restart",
			telemetry.KeyCount, mostOwed)
	}
}

// undo is owe for a call of unknown outcome: undoing what it may have done is tried at
// once in the background, and again until the store answers.
func (e *Engine) undo(token Token, release func(ctx context.Context, s Store) error) {
	e.owe(debt{token: token, pay: release, again: e.Store.HasLeases()})
	e.background(context.Background(), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, storeWait)
		defer cancel()
		_ = e.settle(ctx) // where it fails, the next heartbeat tries again
	})
}

// undoTaking gives back, as it was, what a call of unknown outcome may have taken; see
// Store.Release.
func (e *Engine) undoTaking(token Token, id int64, head Hash) {
	e.undo(token, func(ctx context.Context, s Store) error { return s.Release(ctx, token, id, head) })
}

// undoCreation forgets a session that a call of unknown outcome may have stored.
func (e *Engine) undoCreation(token Token, id int64) {
	e.undo(token, func(ctx context.Context, s Store) error { return s.Delete(ctx, id, token) })
}

// undoTurn forgets a turn that a call of unknown outcome may have stored.
func (e *Engine) undoTurn(token Token) {
	e.undo(token, func(ctx context.Context, s Store) error { return s.Forget(ctx, token) })
}

// isCertain reports whether a call of the store that ended with err has surely taken
// nothing.
func isCertain(err error) bool {
	return errors.Is(err, ErrTaken) || errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotHeld) || errors.Is(err, ErrKeyReused)
}

// next returns the debt that is to be paid next.
func (o *owed) next() *debt {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for _, d := range o.debts {
		if !d.after.After(now) {
			return d
		}
	}
	return nil
}

// remove takes a debt out of the list; with last it is put at its end instead.
func (o *owed) remove(d *debt, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.debts, d); i >= 0 {
		o.debts = slices.Delete(o.debts, i, i+1)
	}
	if last {
		o.debts = append(o.debts, d)
	}
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
	for began := time.Now(); time.Since(began) < e.Lease/4; {
		if e.owed.next() == nil || !e.owed.settling.CompareAndSwap(false, true) {
			return nil
		}
		err := e.settleOne(ctx)
		e.owed.settling.Store(false)
		if err != nil {
			return err
		}
	}
	return nil
}

// settleOne pays the oldest debt. One that cannot be paid does not keep the others
// from it: it becomes the last.
func (e *Engine) settleOne(ctx context.Context) error {
	d := e.owed.next()
	if d == nil {
		return nil
	}
	if err := d.pay(ctx, e.Store); err != nil && !isCertain(err) {
		e.owed.remove(d, true)
		return err
	}
	if d.again {
		d.again, d.after = false, time.Now().Add(storeWait)
		return nil
	}
	e.owed.remove(d, false)
	e.leases.settled(d.token)
	return nil
}
