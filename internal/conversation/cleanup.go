package conversation

import (
	"context"
	"time"

	"achuan/internal/telemetry"
)

const (
	minCleanUpInterval = time.Second      // between two sweeps
	maxCleanUpInterval = 10 * time.Minute // between two sweeps
	cleanUpBatch       = 20               // sessions taken at once
	deleteTimeout      = 30 * time.Second // for the platform
	maxDeleteRetry     = 5 * time.Minute  // after a deletion that failed, at the most
)

// cleanUp deletes sessions that nobody comes back to, every quarter of their
// retention, and throw-away ones as soon as their turn has ended.
func (e *Engine) cleanUp(ctx context.Context) {
	every := e.Retention
	if e.NamedRetention > 0 {
		every = min(every, e.NamedRetention)
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
		err := e.protect(ctx, func() error { return e.cleanUpOnce(ctx, min(every, maxDeleteRetry)) })
		if err != nil && ctx.Err() == nil {
			e.storeFailed(ctx, telemetry.StoreWrite, err)
		}
	}
}

// requestCleanUp has a sweep made as soon as may be.
func (e *Engine) requestCleanUp() {
	select {
	case e.cleanUpRequests <- struct{}{}:
	default: // one is on its way, and has not looked yet
	}
}

// cleanUpOnce deletes what is due now. What the platform did not delete is tried
// again after retry.
func (e *Engine) cleanUpOnce(ctx context.Context, retry time.Duration) error {
	for {
		found, err := e.deleteDue(ctx, retry)
		if err != nil || !found {
			return err
		}
	}
}

// deleteDue takes some of the sessions that are due and deletes them. What it has taken
// and not dealt with, it gives back, also when it panics.
func (e *Engine) deleteDue(ctx context.Context, retry time.Duration) (found bool, err error) {
	token, now := newToken(), time.Now()
	isDone := false
	defer func() {
		if !isDone {
			e.undoTaking(token, 0, Hash{})
		}
		e.leases.drop(token)
	}()
	var named time.Time
	if e.NamedRetention > 0 {
		named = now.Add(-e.NamedRetention)
	}
	due, err := e.Store.TakeExpired(ctx, now.Add(-e.Retention), named, token, cleanUpBatch)
	if err != nil || len(due) == 0 {
		isDone = err == nil
		return false, err
	}
	e.leases.begin(token, now)
	isDone, err = e.remove(ctx, due, token, retry)
	return true, err
}

// remove deletes sessions; done says that it has dealt with all of them.
func (e *Engine) remove(ctx context.Context, due []Session, token Token, retry time.Duration) (done bool, err error) {
	for _, s := range due {
		if !e.leases.held(token) {
			return false, nil // held up for so long that others may have it by now
		}
		err := e.delete(ctx, s.ID)
		if err == nil {
			err = e.Store.Delete(ctx, s.ID, token)
			e.Metrics.SessionDeleted()
			e.Logger.DebugContext(ctx, "session deleted", telemetry.KeySession, s.ID)
			if err != nil && !isCertain(err) {
				e.undoCreation(token, s.ID) // it is gone on the platform
			}
		} else {
			e.Metrics.DeletionFailed()
			e.Logger.WarnContext(ctx, "the platform did not delete a session; it is tried again",
				telemetry.KeySession, s.ID, telemetry.KeyError, err)
			err = e.Store.Postpone(ctx, s.ID, token, time.Now().Add(retry))
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// delete deletes a session on the platform. One that is not there is deleted.
func (e *Engine) delete(ctx context.Context, id int64) error {
	ctx, cancel := context.WithTimeout(ctx, deleteTimeout)
	defer cancel()
	if err := e.Platform.DeleteSession(ctx, id); err != nil && !isLost(err) {
		return err
	}
	return nil
}
