package conversation

import (
	"context"
	"time"

	"achuan/internal/telemetry"
)

const (
	minCleanUpInterval = time.Second      // between two runs
	maxCleanUpInterval = 10 * time.Minute // between two runs
	cleanUpBatch       = 20               // sessions that are taken at once
	deleteTimeout      = 30 * time.Second // of one session, on the platform
	maxDeleteRetry     = 5 * time.Minute  // after a deletion that failed
)

// cleanUp deletes expired sessions, every quarter of their retention, and throwaway sessions as
// soon as their turn has ended.
func (e *Engine) cleanUp(ctx context.Context) {
	every := e.opts.Retention
	if e.opts.NamedRetention > 0 {
		every = min(every, e.opts.NamedRetention)
	}
	every = min(max(every/4, minCleanUpInterval), maxCleanUpInterval)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.cleanUpRequests:
		}
		err := e.recoverPanic(ctx, func() error { return e.cleanUpOnce(ctx, min(every, maxDeleteRetry)) })
		if err != nil && ctx.Err() == nil {
			e.storeFailed(ctx, telemetry.StoreWrite, err)
		}
	}
}

// requestCleanUp starts a clean-up as soon as possible.
func (e *Engine) requestCleanUp() {
	select {
	case e.cleanUpRequests <- struct{}{}:
	default: // a request that cleanUp has not read yet
	}
}

// cleanUpOnce deletes all sessions that have expired. It tries again after retry what the
// platform did not delete.
func (e *Engine) cleanUpOnce(ctx context.Context, retry time.Duration) error {
	for {
		found, err := e.deleteExpired(ctx, retry)
		if err != nil || !found {
			return err
		}
	}
}

// deleteExpired takes some of the expired sessions and deletes them. It releases those that it
// has taken and not deleted, also when it panics.
func (e *Engine) deleteExpired(ctx context.Context, retry time.Duration) (found bool, err error) {
	token, now := newToken(), time.Now()
	isDone := false
	defer func() {
		if !isDone {
			e.undoTaking(token, 0, Hash{})
		}
		e.leases.drop(token)
	}()
	var named time.Time
	if e.opts.NamedRetention > 0 {
		named = now.Add(-e.opts.NamedRetention)
	}
	due, err := e.opts.Store.TakeExpired(ctx, now.Add(-e.opts.Retention), named, token, cleanUpBatch)
	if err != nil || len(due) == 0 {
		isDone = err == nil
		return false, err
	}
	e.leases.begin(token, now)
	isDone, err = e.deleteSessions(ctx, due, token, retry)
	return true, err
}

// deleteSessions deletes sessions, and reports whether it has deleted or postponed all of them.
func (e *Engine) deleteSessions(
	ctx context.Context, due []Session, token Token, retry time.Duration,
) (isDone bool, err error) {
	for _, s := range due {
		if !e.leases.isHeld(token) {
			return false, nil // this process was paused for so long that another one may have the session
		}
		err := e.deleteOnPlatform(ctx, s.ID)
		if err == nil {
			err = e.opts.Store.Delete(ctx, s.ID, token)
			e.opts.Metrics.SessionDeleted()
			e.opts.Logger.DebugContext(ctx, "session deleted", telemetry.KeySession, s.ID)
			if err != nil && !isCertain(err) {
				e.undoCreation(token, s.ID) // it no longer exists on the platform
			}
		} else {
			e.opts.Metrics.DeletionFailed()
			e.opts.Logger.WarnContext(ctx, "the platform did not delete a session; achuan tries again later",
				telemetry.KeySession, s.ID, telemetry.KeyError, err)
			err = e.opts.Store.Postpone(ctx, s.ID, token, time.Now().Add(retry))
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// deleteOnPlatform deletes a session on the platform. A session that the platform does not know
// counts as deleted.
func (e *Engine) deleteOnPlatform(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, deleteTimeout)
	defer cancel()
	if err := e.opts.Platform.DeleteSession(ctx, id); err != nil && !isLost(err) {
		return err
	}
	return nil
}
