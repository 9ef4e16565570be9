package platform

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
)

// errTooSlow is the cause with which a request is cancelled that the platform kept
// waiting too long.
var errTooSlow = errors.New("waited too long")

// watch bounds how long a request waits, and lets go of its caller: a request that
// is done but for reading the rest of its reply outlives the caller's context. One
// goroutine uses it at a time.
type watch struct {
	ctx    context.Context // the request's
	cancel context.CancelCauseFunc
	leave  func() bool // stops following the caller's context
	timer  *time.Timer
	left   time.Duration // that may yet be waited, from since on
	since  time.Time     // when the wait under way began; zero for none
}

// newWatch starts to wait for at most d.
func newWatch(caller context.Context, d time.Duration) *watch {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(caller))
	if caller.Err() != nil {
		cancel(context.Cause(caller)) // at once, not when its goroutine comes round
	}
	return &watch{
		ctx: ctx, cancel: cancel,
		leave: context.AfterFunc(caller, func() { cancel(context.Cause(caller)) }),
		timer: time.AfterFunc(d, func() { cancel(errTooSlow) }),
		left:  d, since: time.Now(),
	}
}

// wait starts to wait, again, for at most d.
func (w *watch) wait(d time.Duration) {
	w.left, w.since = d, time.Time{}
	w.resume()
}

// resume goes on with a wait, for what is left of it.
func (w *watch) resume() {
	if !w.since.IsZero() {
		return
	}
	w.since = time.Now()
	if w.left <= 0 {
		w.cancel(errTooSlow)
		return
	}
	w.timer.Reset(w.left)
}

// rest interrupts a wait: time passes that is not the platform's.
func (w *watch) rest() {
	w.timer.Stop()
	if !w.since.IsZero() {
		w.left -= time.Since(w.since)
		w.since = time.Time{}
	}
}

// allow sets how long the next wait may take.
func (w *watch) allow(d time.Duration) { w.left = d }

// stop ends the request.
func (w *watch) stop() {
	w.timer.Stop()
	w.leave()
	w.cancel(context.Canceled)
}

// interrupted returns the error of a request that was cut off by its time or by
// its caller, and nil for one that was not. A *chat.Error with which the caller
// cancelled is returned as it is.
func interrupted(ctx context.Context) *chat.Error {
	cause := context.Cause(ctx)
	if cause == nil {
		return nil
	}
	if e, ok := errors.AsType[*chat.Error](cause); ok {
		return e
	}
	if errors.Is(cause, errTooSlow) || errors.Is(cause, context.DeadlineExceeded) {
		return timedOut.because(cause)
	}
	return givenUp.because(cause)
}

// undelivered returns the error of a request that got no reply.
func undelivered(ctx context.Context, d *delivery, err error) *chat.Error {
	e := interrupted(ctx)
	if e == nil {
		e = unreachable.because(err)
		e.NotAsked = !d.written.Load()
	}
	return e
}
