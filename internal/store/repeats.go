package store

import (
	"context"
	"slices"
	"time"

	"achuan/internal/conversation"
)

const (
	// isUsableForRequest is the condition of a session that is not lost or retired and whose
	// last taking was for a request. Appending '' keeps a planner without statistics from
	// choosing another index.
	isUsableForRequest = isForRequest + ` AND state || '' IN ('free', 'dirty')`
	isForRequest       = `account = $1 AND request = $3 AND caller || '' = $2`

	// selectInterrupted selects a session whose taking never ended. The session may be
	// retired, because another request by its id or name has rebuilt it since. When the turn
	// moved on to another session before it was interrupted, only that session has its answer.
	selectInterrupted = `
SELECT id FROM sessions
WHERE ` + isForRequest + ` AND state <> 'lost' AND token IS NULL AND unseen AND taken > {now} - {resume_window}
	AND NOT EXISTS (` + selectLater + ` AND later.token IS NOT NULL) AND NOT EXISTS (` + selectLater + ` AND later.unseen)
ORDER BY taken DESC, id DESC LIMIT 1`

	// selectLater selects a session to which the turn of an interrupted session has moved on.
	selectLater = `SELECT 1 FROM sessions AS later WHERE later.account = $1 AND later.request = $3
		AND later.state <> 'lost' AND later.turn = sessions.turn AND later.taken > sessions.taken`

	// selectEnded selects a session whose turn has just ended. Only the sessions that the
	// caller used in the last hour are read.
	selectEnded = `
SELECT id FROM sessions
WHERE account = $1 AND caller = $2 AND state IN ('free', 'dirty') AND ` + usedHour + ` >= ({now} - {repeat_window}) / 3600000000
	AND request = $3 AND used > {now} - {repeat_window} AND token IS NULL AND NOT unseen
ORDER BY used DESC, id DESC LIMIT 1`

	// selectRunning selects the taking with the longest lease.
	selectRunning = `
SELECT token, lease - {now} FROM sessions
WHERE ` + isUsableForRequest + ` AND token IS NOT NULL
ORDER BY lease DESC LIMIT 1`

	// checkRepeat says which of selectLeftTurn, selectInterrupted and selectRunning find
	// something. For nearly every request none does, so that only checkRepeat runs.
	checkRepeat = `
SELECT EXISTS (` + selectLeftTurn + `), EXISTS (` + selectInterrupted + `), EXISTS (` + selectRunning + `)`

	takeInterrupted = `
UPDATE sessions SET token = $4, lease = {now} + $5
WHERE account = $1 AND id = (` + selectInterrupted + ` {skip_locked})
RETURNING ` + justTakenColumns

	// forgetEarlier makes a turn's earlier sessions no interrupted ones, because session $4 is
	// its last.
	forgetEarlier = `
UPDATE sessions SET request = NULL
WHERE account = $1 AND request = $3 AND caller || '' = $2 AND unseen AND token IS NULL AND id <> $4
	AND EXISTS (SELECT 1 FROM sessions AS last
		WHERE last.account = $1 AND last.id = $4 AND last.turn = sessions.turn AND last.taken > sessions.taken)`

	findEnded = `SELECT ` + sessionColumns + ` FROM sessions WHERE account = $1 AND id = (` + selectEnded + `)`
)

// repeatHints says what the store has for a request.
type repeatHints struct{ left, interrupted, running bool }

// findRepeat reads, in one statement, what the store has for a request. SQLite runs it on the
// connection that writes: every commit empties the caches of the others.
func (s *Store) findRepeat(ctx context.Context, r conversation.TurnRequest) (repeatHints, error) {
	var hints repeatHints
	err := s.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&hints.left, &hints.interrupted, &hints.running},
			checkRepeat, s.account, r.Turn.Caller, r.Turn.Request[:], r.Retried)
		return err
	})
	if err != nil {
		return repeatHints{}, err // the statement may still run and set hints
	}
	if r.Turn.Key != (conversation.Hash{}) {
		hints.left = false // only its key leads to a stored turn
	}
	return hints, nil
}

// takeRepeat takes or reads what findRepeat found. It ignores what has gone in the meantime.
func (s *Store) takeRepeat(
	ctx context.Context, r conversation.TurnRequest, hints repeatHints,
) (found conversation.TurnResult, err error) {
	if hints.left {
		if found.Turn, err = s.attachToLeft(ctx, r); err != nil || found.Turn != nil {
			return found, err
		}
	}
	request := []any{s.account, r.Turn.Caller, r.Turn.Request[:]}
	if hints.interrupted {
		found.Interrupted, err = s.takeInterrupted(ctx, request, r.Turn.Token)
		if err != nil || found.Interrupted != nil {
			return found, err
		}
	}
	if r.Retried {
		if found.Ended, err = s.firstSession(ctx, s.read, findEnded, request...); err != nil || found.Ended != nil {
			return found, err
		}
	}
	if hints.running {
		found.Running, err = s.runningTurn(ctx, request)
	}
	return found, err
}

// takeInterrupted takes the last session of an interrupted turn of the request. It returns nil
// if there is none.
func (s *Store) takeInterrupted(
	ctx context.Context, request []any, token conversation.Token,
) (*conversation.Session, error) {
	var taken []conversation.Session
	err := s.transact(ctx, func(ctx context.Context, c conn) (err error) {
		args := append(slices.Clip(request), token[:], s.lease)
		if taken, err = queryAll(ctx, c, s.scanSession, takeInterrupted, args...); err != nil || len(taken) == 0 {
			return err
		}
		_, err = c.exec(ctx, forgetEarlier, append(slices.Clip(request), taken[0].ID)...)
		return err
	})
	if err != nil || len(taken) == 0 {
		return nil, err
	}
	return &taken[0], nil
}

// runningTurn returns the taking of the request that has a lease, or nil.
func (s *Store) runningTurn(ctx context.Context, request []any) (*conversation.RunningTurn, error) {
	var found bool
	var token []byte
	var rest int64
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryRow(ctx, c, []any{&token, &rest}, selectRunning, request...)
		return err
	})
	if err != nil || !found {
		return nil, err
	}
	running := &conversation.RunningTurn{Lease: time.Duration(rest) * time.Microsecond}
	copy(running.Token[:], token)
	return running, nil
}
