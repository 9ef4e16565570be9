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
// is done but for reading the rest of its reply outlives the caller's context.
type watch struct {
	ctx    context.Context // the request's
	cancel context.CancelCauseFunc
	leave  func() bool // stops following the caller's context
	timer  *time.Timer
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
	}
}

// wait starts to wait, again, for at most d.
func (w *watch) wait(d time.Duration) { w.timer.Reset(d) }

// rest stops waiting: time passes that is not the platform's.
func (w *watch) rest() { w.timer.Stop() }

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
