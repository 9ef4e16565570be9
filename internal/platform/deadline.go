package platform

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
)

// errWaitTooLong is the cause with which a request is cancelled that the platform kept
// waiting too long.
var errWaitTooLong = errors.New("waited too long")

// deadline bounds how long a request waits, and lets go of its caller: a request that
// is done but for reading the rest of its reply outlives the caller's context. One
// goroutine uses it at a time.
type deadline struct {
	ctx            context.Context // the request's
	cancel         context.CancelCauseFunc
	unfollowCaller func() bool // stops following the caller's context
	timer          *time.Timer
	remaining      time.Duration // that may yet be waited, from since on
	waitStart      time.Time     // when the wait under way began; zero for none
}

// newDeadline starts to wait for at most d.
func newDeadline(caller context.Context, limit time.Duration) *deadline {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(caller))
	if caller.Err() != nil {
		cancel(context.Cause(caller)) // at once, not when its goroutine comes round
	}
	return &deadline{
		ctx: ctx, cancel: cancel,
		unfollowCaller: context.AfterFunc(caller, func() { cancel(context.Cause(caller)) }),
		timer:          time.AfterFunc(limit, func() { cancel(errWaitTooLong) }),
		remaining:      limit, waitStart: time.Now(),
	}
}

// startWait starts to wait, again, for at most d.
func (d *deadline) startWait(limit time.Duration) {
	d.remaining, d.waitStart = limit, time.Time{}
	d.resumeWait()
}

// resumeWait goes on with a wait, for what is left of it.
func (d *deadline) resumeWait() {
	if !d.waitStart.IsZero() {
		return
	}
	d.waitStart = time.Now()
	if d.remaining <= 0 {
		d.cancel(errWaitTooLong)
		return
	}
	d.timer.Reset(d.remaining)
}

// pauseWait interrupts a wait: time passes that is not the platform's.
func (d *deadline) pauseWait() {
	d.timer.Stop()
	if !d.waitStart.IsZero() {
		d.remaining -= time.Since(d.waitStart)
		d.waitStart = time.Time{}
	}
}

// setNextWait sets how long the next wait may take.
func (d *deadline) setNextWait(limit time.Duration) { d.remaining = limit }

// stop ends the request.
func (d *deadline) stop() {
	d.timer.Stop()
	d.unfollowCaller()
	d.cancel(context.Canceled)
}

// interruptionError returns the error of a request that was cut off by its time or by
// its caller, and nil for one that was not. A *chat.Error with which the caller
// cancelled is returned as it is.
func interruptionError(ctx context.Context) *chat.Error {
	cause := context.Cause(ctx)
	if cause == nil {
		return nil
	}
	if e, ok := errors.AsType[*chat.Error](cause); ok {
		return e
	}
	if errors.Is(cause, errWaitTooLong) || errors.Is(cause, context.DeadlineExceeded) {
		return timedOut.withCause(cause)
	}
	return abandoned.withCause(cause)
}

// deliveryError returns the error of a request that got no reply.
func deliveryError(ctx context.Context, trace *connTrace, err error) *chat.Error {
	e := interruptionError(ctx)
	if e == nil {
		e = unreachable.withCause(err)
		e.NotAsked = !trace.isWritten.Load()
	}
	return e
}
