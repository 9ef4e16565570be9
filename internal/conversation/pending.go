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

// pendingWrites are writes that failed, or whose outcome is unknown: ends of takings, and
// releases of what a call of unknown outcome may have taken. Until the store is available again,
// their sessions stay taken and match nothing.
type pendingWrites struct {
	isRetrying atomic.Bool

	mu     sync.Mutex
	writes []*pendingWrite // oldest first
}

// pendingWrite is one write that waits for the store.
type pendingWrite struct {
	token  Token
	commit func(ctx context.Context, s Store) error
	after  time.Time // the write waits until then
	// repeatLater says that the write is done a second time, when the store has certainly ended
	// every statement that began before it. A statement that timed out here may still run there.
	repeatLater bool
}

// maxPendingWrites bounds the writes that wait while the store is unavailable.
const maxPendingWrites = 10_000

// addPending keeps a write for later, and keeps the lease of its taking.
func (e *Engine) addPending(d pendingWrite) {
	e.pending.mu.Lock()
	isFull := len(e.pending.writes) >= maxPendingWrites
	if !isFull {
		e.pending.writes = append(e.pending.writes, &d)
		e.leases.addWrite(d.token)
	}
	e.pending.mu.Unlock()
	if isFull {
		e.opts.Logger.Error("too many writes wait for the store; the session of one more write stays taken until a restart",
			telemetry.KeyCount, maxPendingWrites)
	}
}

// undoInBackground undoes what a call of unknown outcome may have done, in the background: at
// once, and again until the store is available.
func (e *Engine) undoInBackground(token Token, release func(ctx context.Context, s Store) error) {
	e.addPending(pendingWrite{token: token, commit: release, repeatLater: e.opts.Store.HasLeases()})
	e.background(context.Background(), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		_ = e.retryPending(ctx) // when it fails, the next heartbeat tries again
	})
}

// undoTaking releases what a call of unknown outcome may have taken; see SessionStore.Release.
func (e *Engine) undoTaking(token Token, id int64, head Hash) {
	e.undoInBackground(token, func(ctx context.Context, s Store) error { return s.Release(ctx, token, id, head) })
}

// undoCreation deletes a session that a call of unknown outcome may have stored.
func (e *Engine) undoCreation(token Token, id int64) {
	e.undoInBackground(token, func(ctx context.Context, s Store) error { return s.Delete(ctx, id, token) })
}

// undoTurn deletes a turn that a call of unknown outcome may have stored.
func (e *Engine) undoTurn(token Token) {
	e.undoInBackground(token, func(ctx context.Context, s Store) error { return s.Forget(ctx, token) })
}

// isCertain reports whether a store call that returned err has certainly taken nothing.
func isCertain(err error) bool {
	return errors.Is(err, ErrTaken) || errors.Is(err, ErrUnknown) || errors.Is(err, ErrNotHeld) ||
		errors.Is(err, ErrKeyReused)
}

// next returns the write that is done next; nil for none.
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

// remove removes a write from the list. With isRetried, it moves the write to the end instead.
func (o *pendingWrites) remove(d *pendingWrite, isRetried bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if i := slices.Index(o.writes, d); i >= 0 {
		o.writes = slices.Delete(o.writes, i, i+1)
	}
	if isRetried {
		o.writes = append(o.writes, d)
	}
}

// flushTimeout bounds the pending writes when the program ends.
const flushTimeout = 2 * time.Second

// flushOnExit commits the pending writes before the program ends.
func (e *Engine) flushOnExit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := e.retryPending(ctx); err != nil {
		e.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// retryPending commits the pending writes, in order, until the store fails again or it is time to
// extend the leases. One goroutine does so at a time; the others return at once.
func (e *Engine) retryPending(ctx context.Context) error {
	for began := time.Now(); time.Since(began) < e.opts.Lease/4; {
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

// retryOne commits the oldest write. A write that fails moves to the end, so that it does not
// block the others.
func (e *Engine) retryOne(ctx context.Context) error {
	d := e.pending.next()
	if d == nil {
		return nil
	}
	if err := d.commit(ctx, e.opts.Store); err != nil && !isCertain(err) {
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
