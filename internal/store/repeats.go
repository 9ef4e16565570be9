package store

import (
	"context"
	"time"

	"achuan/internal/conversation"
)

const (
	// isUsableForRequest is the condition of a session whose taking was for a request. The empty
	// strings keep planners without statistics from choosing another index.
	isUsableForRequest = isForRequest + ` AND state || '' IN ('free', 'dirty')`
	isForRequest       = `account = $1 AND request = $3 AND caller || '' = $2`

	// selectInterrupted finds a session whose taking never ended. It may be retired, because
	// another request by its id or name has rebuilt it since.
	selectInterrupted = `
SELECT id FROM sessions
WHERE ` + isForRequest + ` AND state <> 'lost' AND (token IS NOT NULL OR unseen) AND token IS NULL AND unseen AND taken > {now} - {resume_window}
ORDER BY taken DESC, id DESC LIMIT 1`

	// selectEnded finds a session whose turn has just ended.
	selectEnded = `
SELECT id FROM sessions
WHERE ` + isUsableForRequest + ` AND used > {now} - {repeat_window} AND token IS NULL AND NOT unseen
ORDER BY used DESC, id DESC LIMIT 1`

	// selectRunning finds the taking whose lease lasts longest.
	selectRunning = `
SELECT token, lease - {now} FROM sessions
WHERE ` + isUsableForRequest + ` AND (token IS NOT NULL OR unseen) AND token IS NOT NULL
ORDER BY lease DESC LIMIT 1`

	// checkRepeat tells which of the statements above, or isLeft, find something. For
	// nearly every request none does, so it is the only one that is run.
	checkRepeat = `
SELECT EXISTS (` + selectLeftTurn + `), EXISTS (` + selectInterrupted + `), $4 AND EXISTS (` + selectEnded + `), EXISTS (` + selectRunning + `)`

	takeInterrupted = `
UPDATE sessions SET token = $4, lease = {now} + $5
WHERE account = $1 AND id = (` + selectInterrupted + ` {skip_locked})
RETURNING ` + justTakenColumns

	findEnded = `SELECT ` + sessionColumns + ` FROM sessions WHERE account = $1 AND id = (` + selectEnded + `)`
)

// repeatHints tells what the store has for a request.
type repeatHints struct{ left, interrupted, ended, running bool }

// findRepeat reads, in one statement, what the store has for a request.
func (s *Store) findRepeat(ctx context.Context, e conversation.TurnRequest) (seen repeatHints, err error) {
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&seen.left, &seen.interrupted, &seen.ended, &seen.running},
			checkRepeat, s.account, e.Turn.Caller, e.Turn.Request[:], e.Retried)
		return err
	})
	if err != nil {
		return repeatHints{}, err // the statement may be at work on seen still
	}
	if e.Turn.Key != (conversation.Hash{}) {
		seen.left = false // its key alone leads to a stored turn
	}
	return seen, nil
}

// takeRepeat takes or reads what lookForRepeat has seen. What is gone by now is none.
func (s *Store) takeRepeat(ctx context.Context, e conversation.TurnRequest, seen repeatHints) (found conversation.TurnResult, err error) {
	if seen.left {
		if found.Turn, err = s.attachToLeft(ctx, e); err != nil || found.Turn != nil {
			return found, err
		}
	}
	request := []any{s.account, e.Turn.Caller, e.Turn.Request[:]}
	if seen.interrupted {
		found.Interrupted, err = s.takeFirst(ctx, takeInterrupted, append(request, e.Turn.Token[:], s.lease)...)
		if err != nil || found.Interrupted != nil {
			return found, err
		}
	}
	if seen.ended {
		if found.Ended, err = s.firstSession(ctx, findEnded, request...); err != nil || found.Ended != nil {
			return found, err
		}
	}
	if seen.running {
		found.Running, err = s.runningTurn(ctx, request)
	}
	return found, err
}

// firstSession reads the first session of a query; nil for none.
func (s *Store) firstSession(ctx context.Context, statement string, args ...any) (*conversation.Session, error) {
	var list []conversation.Session
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		list, err = queryAll(ctx, c, s.scanSession, statement, args...)
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// runningTurn reads the taking of the request that has a lease; nil for none.
func (s *Store) runningTurn(ctx context.Context, request []any) (*conversation.RunningTurn, error) {
	var found bool
	var token []byte
	var left int64
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryRow(ctx, c, []any{&token, &left}, selectRunning, request...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	r := &conversation.RunningTurn{Lease: time.Duration(left) * time.Microsecond}
	copy(r.Token[:], token)
	return r, nil
}
