package store

import (
	"context"
	"time"

	"achuan/internal/conversation"
)

const (
	// sameRequest is the condition of a session whose taking was for a request. The empty
	// strings keep planners without statistics from choosing another index.
	sameRequest  = isForRequest + ` AND state || '' IN ('free', 'dirty')`
	isForRequest = `account = $1 AND request = $3 AND caller || '' = $2`

	// isInterrupted finds a session whose taking never ended. It may be retired, because
	// another request by its id or name has rebuilt it since.
	isInterrupted = `
SELECT id FROM sessions
WHERE ` + isForRequest + ` AND state <> 'lost' AND (token IS NOT NULL OR unseen) AND token IS NULL AND unseen AND taken > {now} - {resume}
ORDER BY taken DESC, id DESC LIMIT 1`

	// isEnded finds a session whose turn has just ended.
	isEnded = `
SELECT id FROM sessions
WHERE ` + sameRequest + ` AND used > {now} - {repeat} AND token IS NULL AND NOT unseen
ORDER BY used DESC, id DESC LIMIT 1`

	// isRunning finds the taking whose lease lasts longest.
	isRunning = `
SELECT token, lease - {now} FROM sessions
WHERE ` + sameRequest + ` AND (token IS NOT NULL OR unseen) AND token IS NOT NULL
ORDER BY lease DESC LIMIT 1`

	// lookForRepeat tells which of the statements above, or isLeft, find something. For
	// nearly every request none does, so it is the only one that is run.
	lookForRepeat = `
SELECT EXISTS (` + isLeft + `), EXISTS (` + isInterrupted + `), $4 AND EXISTS (` + isEnded + `), EXISTS (` + isRunning + `)`

	takeInterrupted = `
UPDATE sessions SET token = $4, lease = {now} + $5
WHERE account = $1 AND id = (` + isInterrupted + ` {skip})
RETURNING ` + takenColumns

	findEnded = `SELECT ` + sessionColumns + ` FROM sessions WHERE account = $1 AND id = (` + isEnded + `)`
)

// repeat tells what the store has for a request.
type repeat struct{ left, interrupted, ended, running bool }

// lookForRepeat reads, in one statement, what the store has for a request.
func (s *Store) lookForRepeat(ctx context.Context, e conversation.TurnRequest) (seen repeat, err error) {
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := one(ctx, c, []any{&seen.left, &seen.interrupted, &seen.ended, &seen.running},
			lookForRepeat, s.account, e.Turn.Caller, e.Turn.Request[:], e.Retried)
		return err
	})
	if err != nil {
		return repeat{}, err // the statement may be at work on seen still
	}
	if e.Turn.Key != (conversation.Hash{}) {
		seen.left = false // its key alone leads to a stored turn
	}
	return seen, nil
}

// enterSeen takes or reads what lookForRepeat has seen. What is gone by now is none.
func (s *Store) enterSeen(ctx context.Context, e conversation.TurnRequest, seen repeat) (found conversation.TurnResult, err error) {
	if seen.left {
		if found.Turn, err = s.attachToLeft(ctx, e); err != nil || found.Turn != nil {
			return found, err
		}
	}
	request := []any{s.account, e.Turn.Caller, e.Turn.Request[:]}
	if seen.interrupted {
		found.Interrupted, err = s.takeOne(ctx, takeInterrupted, append(request, e.Turn.Token[:], s.lease)...)
		if err != nil || found.Interrupted != nil {
			return found, err
		}
	}
	if seen.ended {
		if found.Ended, err = s.first(ctx, findEnded, request...); err != nil || found.Ended != nil {
			return found, err
		}
	}
	if seen.running {
		found.Running, err = s.running(ctx, request)
	}
	return found, err
}

// first reads the first session of a query; nil for none.
func (s *Store) first(ctx context.Context, statement string, args ...any) (*conversation.Session, error) {
	var list []conversation.Session
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		list, err = all(ctx, c, s.scanSession, statement, args...)
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// running reads the taking of the request that has a lease; nil for none.
func (s *Store) running(ctx context.Context, request []any) (*conversation.RunningTurn, error) {
	var found bool
	var token []byte
	var left int64
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = one(ctx, c, []any{&token, &left}, isRunning, request...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	r := &conversation.RunningTurn{Lease: time.Duration(left) * time.Microsecond}
	copy(r.Token[:], token)
	return r, nil
}
