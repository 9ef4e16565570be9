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

// pendingWrites are writes that could not be committed, or of which nobody knows whether they
// were: ends of takings, and releases of what a call of unknown outcome may have taken.
// Until the store answers, their sessions stay taken and match nothing.
type pendingWrites struct {
	isRetrying atomic.Bool

	mu     sync.Mutex
	writes []*pendingWrite // the oldest first
}

// pendingWrite is one write that is owed.
type pendingWrite struct {
	token  Token
	commit func(ctx context.Context, s Store) error
	after  time.Time // it is not done before
	// repeatLater says that the write is done once more when the store has surely ended all
	// that was begun before: a statement that was given up may be done late.
	repeatLater bool
}

// maxPendingWrites bounds what is kept while the store is away.
const maxPendingWrites = 10_000

// addPending keeps a write for later, and the lease of its taking alive.
func (e *Engine) addPending(d pendingWrite) {
	e.pending.mu.Lock()
	isFull := len(e.pending.writes) >= maxPendingWrites
	if !isFull {
		e.pending.writes = append(e.pending.writes, &d)
		e.leases.addWrite(d.token)
	}
	e.pending.mu.Unlock()
	if isFull {
		e.Logger.Error("too many writes wait for the store; what one more has taken stays taken until a restart",
			telemetry.KeyCount, maxPendingWrites)
	}
}

// undoInBackground is owe for a call of unknown outcome: undoing what it may have done is tried at
// once in the background, and again until the store answers.
func (e *Engine) undoInBackground(token Token, release func(ctx context.Context, s Store) error) {
	e.addPending(pendingWrite{token: token, commit: release, repeatLater: e.Store.HasLeases()})
	e.background(context.Background(), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		_ = e.retryPending(ctx) // where it fails, the next heartbeat tries again
	})
}

// undoTaking gives back, as it was, what a call of unknown outcome may have taken; see
// Store.Release.
func (e *Engine) undoTaking(token Token, id int64, head Hash) {
	e.undoInBackground(token, func(ctx context.Context, s Store) error { return s.Release(ctx, token, id, head) })
}

// undoCreation forgets a session that a call of unknown outcome may have stored.
func (e *Engine) undoCreation(token Token, id int64) {
	e.undoInBackground(token, func(ctx context.Context, s Store) error { return s.Delete(ctx, id, token) })
}

// undoTurn forgets a turn that a call of unknown outcome may have stored.
func (e *Engine) undoTurn(token Token) {
	e.undoInBackground(token, func(ctx context.Context, s Store) error { return s.Forget(ctx, token) })
}

// isCertain reports whether a call of the store that ended with err has surely taken
// nothing.
func isCertain(err error) bool {
	return errors.Is(err, ErrTaken) || errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotHeld) || errors.Is(err, ErrKeyReused)
}

// next returns the debt that is to be paid next.
func (o *pendingWrites) next() *pendingWrite {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for _, d := range o.writes {
		if !d.after.After(now) {
			return d
		}
	}
	return nil
}

// remove takes a debt out of the list; with last it is put at its end instead.
func (o *pendingWrites) remove(d *pendingWrite, last bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.writes, d); i >= 0 {
		o.writes = slices.Delete(o.writes, i, i+1)
	}
	if last {
		o.writes = append(o.writes, d)
	}
}

// flushTimeout is how long the store has for what is owed when the program ends.
const flushTimeout = 2 * time.Second

// flushOnExit commits what is owed before the program ends.
func (e *Engine) flushOnExit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := e.retryPending(ctx); err != nil {
		e.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// retryPending commits what is owed, in order, until the store fails again or leases are
// to be extended. One goroutine does so at a time; others need not wait for it.
func (e *Engine) retryPending(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < e.Lease/4; {
		if e.pending.next() == nil || !e.pending.isRetrying.CompareAndSwap(false, true) {
			return nil
		}
		err := e.retryOne(ctx)
		e.pending.isRetrying.Store(false)
		if err != nil {
			return err
		}
	}
	return nil
}

// retryOne pays the oldest debt. One that cannot be paid does not keep the others
// from it: it becomes the last.
func (e *Engine) retryOne(ctx context.Context) error {
	d := e.pending.next()
	if d == nil {
		return nil
	}
	if err := d.commit(ctx, e.Store); err != nil && !isCertain(err) {
		e.pending.remove(d, true)
		return err
	}
	if d.repeatLater {
		d.repeatLater, d.after = false, time.Now().Add(storeTimeout)
		return nil
	}
	e.pending.remove(d, false)
	e.leases.removeWrite(d.token)
	return nil
}
