package store

import (
	"context"
	"errors"
	"slices"

	"achuan/internal/conversation"
)

const (
	// isLiveTurn is the condition of a turn that is there: running, or whole and not too old.
	isLiveTurn = `(NOT turns.whole OR turns.ended > {now} - {answer_retention})`

	turnColumns = `token, caller, request, idem, session, parted, silent, whole, answer`

	// beginTurn stores a running turn in the place of one that is there no more.
	beginTurn = `
INSERT INTO turns (account, token, caller, request, idem, session, parted, silent, whole, lease, ended)
VALUES ($1, $2, $3, $4, $5, 0, FALSE, FALSE, FALSE, {now} + $6, 0)
ON CONFLICT (account, caller, idem) WHERE idem IS NOT NULL DO UPDATE SET
	token = excluded.token, request = excluded.request, session = 0, parted = FALSE, silent = FALSE,
	whole = FALSE, answer = NULL, lease = excluded.lease, ended = 0
WHERE NOT ` + isLiveTurn

	attachByKey = `
UPDATE turns SET parted = parted AND request <> $4
WHERE account = $1 AND caller = $2 AND idem = $3 AND ` + isLiveTurn + `
RETURNING ` + turnColumns

	selectLeftTurn = `
SELECT token FROM turns
WHERE account = $1 AND caller = $2 AND request = $3 AND parted AND (silent OR $4) AND ` + isLiveTurn + `
ORDER BY whole DESC, ended DESC, lease DESC LIMIT 1`

	attachToLeft = `
UPDATE turns SET parted = FALSE WHERE account = $1 AND token = (` + selectLeftTurn + ` {lock_rows})
RETURNING ` + turnColumns

	// updateTurn leaves a whole turn whole; with $9 it leaves alone whether its client
	// has left.
	updateTurn = `
UPDATE turns SET parted = CASE WHEN $9 THEN parted ELSE $3 END, silent = CASE WHEN $9 THEN silent ELSE $4 END,
	whole = whole OR $5, answer = CASE WHEN whole AND NOT $5 THEN answer ELSE $6 END,
	session = CASE WHEN CAST($7 AS BIGINT) = 0 THEN session ELSE CAST($7 AS BIGINT) END,
	lease = CASE WHEN whole OR $5 THEN 0 ELSE {now} + $8 END,
	ended = CASE WHEN whole THEN ended WHEN $5 THEN {now} ELSE 0 END
WHERE account = $1 AND token = $2`

	insertTurn = `
INSERT INTO turns (account, token, parted, silent, whole, answer, session, lease, ended, caller, request, idem)
VALUES ($1, $2, $3, $4, $5, $6, $7, CASE WHEN $5 THEN 0 ELSE {now} + $8 END, CASE WHEN $5 THEN {now} ELSE 0 END, $9, $10, $11)
ON CONFLICT DO NOTHING`

	releaseTurn     = `UPDATE turns SET parted = TRUE, silent = $3 WHERE account = $1 AND token = $2`
	deleteDeadKey   = `DELETE FROM turns WHERE account = $1 AND caller = $2 AND idem = $3 AND NOT ` + isLiveTurn
	findTurn        = `SELECT ` + turnColumns + ` FROM turns WHERE account = $1 AND token = $2 AND ` + isLiveTurn
	deleteTurn      = `DELETE FROM turns WHERE account = $1 AND token = $2`
	deleteDeadTurns = `DELETE FROM turns WHERE account = $1 AND NOT ` + isLiveTurn
	// expireTurns leaves a turn whose session is taken still: the two leases began at
	// different moments, and a repetition must find one of the two.
	expireTurns = `
DELETE FROM turns WHERE account = $1 AND NOT whole AND lease <= $2 AND {now} < $2 + $3
	AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.account = $1 AND sessions.token = turns.token)`

	// deleteExcessAnswers keeps the newest answers that fit the room.
	deleteExcessAnswers = `
DELETE FROM turns WHERE account = $1 AND token IN (
	SELECT token FROM (
		SELECT token, SUM(LENGTH(answer)) OVER (ORDER BY ended DESC, token) AS room
		FROM turns WHERE account = $1 AND whole) AS sizes
	WHERE room > {max_answer_bytes})`

	extendTurnLeases = `
UPDATE turns SET lease = {now} + $3 WHERE account = $1 AND token {in_tokens} AND NOT whole
RETURNING token`
)

func scanTurn(r rows) (conversation.StoredTurn, error) {
	var t conversation.StoredTurn
	var token, request, key []byte
	err := r.Scan(&token, &t.Caller, &request, &key, &t.Session, &t.Left, &t.Silent, &t.Whole, &t.Answer)
	copy(t.Token[:], token)
	copy(t.Request[:], request)
	copy(t.Key[:], key)
	if t.Whole && t.Answer == nil {
		t.Answer = []byte{} // drivers tell an empty answer from none, or not
	}
	return t, err
}

// firstTurn returns the first row of a query.
func firstTurn(ctx context.Context, c conn, statement string, args ...any) (*conversation.StoredTurn, error) {
	found, err := queryAll(ctx, c, scanTurn, statement, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// AttachOrBegin says where the answer to a request is.
func (s *Store) AttachOrBegin(ctx context.Context, e conversation.TurnRequest) (conversation.TurnResult, error) {
	if e.Turn.Key != (conversation.Hash{}) {
		found, err := s.attachByKeyOrBegin(ctx, e.Turn)
		if err != nil || found != nil {
			return conversation.TurnResult{Turn: found}, err
		}
	}
	seen, err := s.findRepeat(ctx, e)
	if err != nil {
		return conversation.TurnResult{}, err
	}
	return s.takeRepeat(ctx, e, seen)
}

// attachToLeft attaches a request to a turn whose client has left; nil for none.
func (s *Store) attachToLeft(ctx context.Context, e conversation.TurnRequest) (found *conversation.StoredTurn, err error) {
	err = s.autocommit(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = firstTurn(ctx, c, attachToLeft, s.account, e.Turn.Caller, e.Turn.Request[:], e.Retried)
		return err
	})
	if err != nil {
		return nil, err // the statement may be at work on found still
	}
	return found, nil
}

// maxKeyAttempts is how often a key may change hands while one request looks at it.
const maxKeyAttempts = 8

var errKeyContended = errors.New("an idempotency key is being taken and given back too fast to look at")

func (s *Store) attachByKeyOrBegin(ctx context.Context, t conversation.StoredTurn) (*conversation.StoredTurn, error) {
	var found *conversation.StoredTurn
	err := s.autocommit(ctx, func(ctx context.Context, c conn) error {
		for range maxKeyAttempts {
			begun, err := c.exec(ctx, beginTurn, s.account, t.Token[:], t.Caller, t.Request[:], t.Key[:], s.lease)
			if err != nil || begun > 0 {
				found = nil
				return err
			}
			found, err = firstTurn(ctx, c, attachByKey, s.account, t.Caller, t.Key[:], t.Request[:])
			if err != nil || found != nil {
				return err
			}
			// It ended between the two statements.
		}
		return errKeyContended
	})
	switch {
	case err != nil:
		return nil, err
	case found == nil || found.Token == t.Token:
		return nil, nil //nolint:nilnil // no stored turn: the request's own begins
	case found.Request != t.Request:
		return nil, conversation.ErrKeyReused
	}
	return found, nil
}

// SaveTurn stores the turn for its next client.
func (s *Store) SaveTurn(ctx context.Context, t conversation.StoredTurn) error {
	return s.transact(ctx, func(ctx context.Context, c conn) error { return s.upsertTurn(ctx, c, t, false) })
}

// upsertTurn stores a turn, or what has changed of it; ended says that that is its end
// alone. A turn that comes back after its lease had run out, when its key has gone to
// another, is kept without the key.
func (s *Store) upsertTurn(ctx context.Context, c conn, t conversation.StoredTurn, ended bool) error {
	var answer any
	if t.Whole {
		answer = append([]byte{}, t.Answer...)
	}
	args := []any{s.account, t.Token[:], t.Left, t.Silent, t.Whole, answer, t.Session, s.lease}
	if stored, err := c.exec(ctx, updateTurn, append(slices.Clip(args), ended)...); err != nil || stored > 0 {
		return err
	}
	if t.Key != (conversation.Hash{}) {
		if _, err := c.exec(ctx, deleteDeadKey, s.account, t.Caller, t.Key[:]); err != nil {
			return err
		}
	}
	stored, err := c.exec(ctx, insertTurn, append(slices.Clip(args), t.Caller, t.Request[:], hashOrNull(t.Key))...)
	if err != nil || stored > 0 {
		return err
	}
	_, err = c.exec(ctx, insertTurn, append(args, t.Caller, t.Request[:], nil)...)
	return err
}

// Turn returns a stored turn.
func (s *Store) Turn(ctx context.Context, token conversation.Token) (*conversation.StoredTurn, error) {
	var found *conversation.StoredTurn
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = firstTurn(ctx, c, findTurn, s.account, token[:])
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		return nil, conversation.ErrUnknown
	}
	return found, nil
}

// ReleaseTurn gives a stored turn back whose attached client has left.
func (s *Store) ReleaseTurn(ctx context.Context, token conversation.Token, silent bool) error {
	return s.execEach(ctx, []string{releaseTurn}, s.account, token[:], silent)
}

// Forget drops a stored turn.
func (s *Store) Forget(ctx context.Context, token conversation.Token) error {
	return s.execEach(ctx, []string{deleteTurn}, s.account, token[:])
}
