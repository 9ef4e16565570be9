package platform

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
)

// errWaitTooLong is the cancellation cause of a request that waited too long for the platform.
var errWaitTooLong = errors.New("waited too long")

// deadline limits how long a request waits for the platform. It also lets a request outlive the
// caller's context when only the rest of the reply is left to read. It is for one goroutine at a
// time.
type deadline struct {
	ctx            context.Context // the request's
	cancel         context.CancelCauseFunc
	unfollowCaller func() bool // detaches the request from the caller's context
	timer          *time.Timer
	remaining      time.Duration // the wait may last this long from waitStart on
	waitStart      time.Time     // start of the current wait; zero while paused
}

// newDeadline starts the request's context and a wait of at most limit.
func newDeadline(caller context.Context, limit time.Duration) *deadline {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(caller))
	if caller.Err() != nil {
		cancel(context.Cause(caller)) // now, rather than when the AfterFunc below runs
	}
	return &deadline{
		ctx: ctx, cancel: cancel,
		unfollowCaller: context.AfterFunc(caller, func() { cancel(context.Cause(caller)) }),
		timer:          time.AfterFunc(limit, func() { cancel(errWaitTooLong) }),
		remaining:      limit, waitStart: time.Now(),
	}
}

// startWait starts a new wait of at most limit.
func (d *deadline) startWait(limit time.Duration) {
	d.remaining, d.waitStart = limit, time.Time{}
	d.resumeWait()
}

// resumeWait continues a paused wait for the remaining time.
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

// pauseWait pauses the wait, because the time that follows is not spent waiting for the platform.
func (d *deadline) pauseWait() {
	d.timer.Stop()
	if !d.waitStart.IsZero() {
		d.remaining -= time.Since(d.waitStart)
		d.waitStart = time.Time{}
	}
}

// setNextWait sets the limit of the next wait.
func (d *deadline) setNextWait(limit time.Duration) { d.remaining = limit }

// stop ends the request.
func (d *deadline) stop() {
	d.timer.Stop()
	d.unfollowCaller()
	d.cancel(context.Canceled)
}

// interruptionError returns the error of a request that a deadline or its caller ended, and nil
// for any other request. If the caller cancelled with a *chat.Error, that is the error.
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
