package platform

import (
	"context"
	"errors"
	"sync"
	"time"

	"achuan/internal/chat"
)

// errWaitTooLong is the cancellation cause of a request that waited too long for the platform.
var errWaitTooLong = errors.New("waited too long")

// deadline limits how long a request waits for the platform. It also lets a request outlive the
// caller's context when only the rest of the reply is left to read. It is for one goroutine at a
// time.
//
// A wait does not touch the timer if that fires before the end of the wait: it then starts again for
// what is left. So the waits for the frames of an answer cost nothing.
type deadline struct {
	ctx            context.Context // the request's
	cancel         context.CancelCauseFunc
	unfollowCaller func() bool   // detaches the request from the caller's context
	remaining      time.Duration // how long the next wait may last

	mu       sync.Mutex // guards the fields below, which the timer uses too
	timer    *time.Timer
	waitEnd  time.Time // when the current wait has lasted too long; zero while paused
	timerEnd time.Time // when the timer fires; zero when it does not run
}

// newDeadline starts the request's context and a wait of at most limit.
func newDeadline(caller context.Context, limit time.Duration) *deadline {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(caller))
	if caller.Err() != nil {
		cancel(context.Cause(caller)) // now, rather than when the AfterFunc below runs
	}
	end := time.Now().Add(limit)
	d := &deadline{
		ctx: ctx, cancel: cancel,
		unfollowCaller: context.AfterFunc(caller, func() { cancel(context.Cause(caller)) }),
		waitEnd:        end, timerEnd: end,
	}
	d.mu.Lock() // the timer may fire before it is in the field
	defer d.mu.Unlock()
	d.timer = time.AfterFunc(limit, d.checkWait)
	return d
}

// checkWait is called by the timer. It ends the request if the current wait has lasted too long.
func (d *deadline) checkWait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timerEnd = time.Time{}
	if d.waitEnd.IsZero() {
		return
	}
	if left := time.Until(d.waitEnd); left > 0 {
		d.startTimer(left)
		return
	}
	d.cancel(errWaitTooLong)
}

// startTimer makes the timer fire at the end of the current wait. The caller holds d.mu.
func (d *deadline) startTimer(left time.Duration) {
	d.timer.Reset(left)
	d.timerEnd = d.waitEnd
}

// startWait starts a new wait of at most limit.
func (d *deadline) startWait(limit time.Duration) {
	d.pauseWait()
	d.remaining = limit
	d.resumeWait()
}

// resumeWait continues a paused wait for the remaining time.
func (d *deadline) resumeWait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.waitEnd.IsZero() {
		return
	}
	d.waitEnd = time.Now().Add(d.remaining)
	switch {
	case d.remaining <= 0:
		d.cancel(errWaitTooLong)
	case d.timerEnd.IsZero(), d.waitEnd.Before(d.timerEnd):
		d.startTimer(d.remaining)
	}
}

// pauseWait pauses the wait, because the time that follows is not spent waiting for the platform.
func (d *deadline) pauseWait() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.waitEnd.IsZero() {
		d.remaining = time.Until(d.waitEnd)
		d.waitEnd = time.Time{}
	}
}

// setNextWait sets the limit of the next wait.
func (d *deadline) setNextWait(limit time.Duration) { d.remaining = limit }

// stop ends the request.
func (d *deadline) stop() {
	d.pauseWait() // the timer does not start again
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
