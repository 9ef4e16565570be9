package store

import (
	"context"
	"errors"
	"slices"

	"achuan/internal/conversation"
)

const (
	// isLiveTurn is the condition of a turn that is running, or whole and not too old.
	isLiveTurn = `(NOT turns.whole OR turns.ended > {now} - {answer_retention})`

	turnColumns = `token, caller, request, idem, session, parted, silent, whole, answer`

	// beginTurn stores a running turn. It replaces a dead turn with the same key.
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

	// updateTurn never makes a whole turn a running one. With $9 it does not change whether
	// the client has left.
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
	// expireTurns keeps a turn whose session is still taken: the leases of the two began at
	// different times, and a repetition must find one of the two.
	expireTurns = `
DELETE FROM turns WHERE account = $1 AND NOT whole AND lease <= $2 AND {now} < $2 + $3
	AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.account = $1 AND sessions.token = turns.token)`

	// deleteExcessAnswers keeps the newest answers, up to {max_answer_bytes}.
	deleteExcessAnswers = `
DELETE FROM turns WHERE account = $1 AND token IN (
	SELECT token FROM (
		SELECT token, SUM(LENGTH(answer)) OVER (ORDER BY ended DESC, token) AS total
		FROM turns WHERE account = $1 AND whole) AS sizes
	WHERE total > {max_answer_bytes})`

	extendTurnLeases = `
UPDATE turns SET lease = {now} + $3 WHERE account = $1 AND token {in_tokens} AND NOT whole
RETURNING token`
)

func scanTurn(r rows) (conversation.StoredTurn, error) {
	var t conversation.StoredTurn
	var token, request, key []byte
	err := r.Scan(&token, &t.Caller, &request, &key, &t.Session, &t.ClientLeft, &t.NoOutput, &t.Whole, &t.Answer)
	copy(t.Token[:], token)
	copy(t.Request[:], request)
	copy(t.Key[:], key)
	if t.Whole && t.Answer == nil {
		t.Answer = []byte{} // one driver returns nil for an empty answer
	}
	return t, err
}

// firstTurn returns the first turn of a query, or nil.
func firstTurn(ctx context.Context, c conn, statement string, args ...any) (*conversation.StoredTurn, error) {
	found, err := queryAll(ctx, c, scanTurn, statement, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// AttachOrBegin returns what answers a request; see conversation.Store.
func (s *Store) AttachOrBegin(ctx context.Context, r conversation.TurnRequest) (conversation.TurnResult, error) {
	if r.Turn.Key != (conversation.Hash{}) {
		found, err := s.attachByKeyOrBegin(ctx, r.Turn)
		if err != nil || found != nil {
			return conversation.TurnResult{Turn: found}, err
		}
	}
	hints, err := s.findRepeat(ctx, r)
	if err != nil {
		return conversation.TurnResult{}, err
	}
	return s.takeRepeat(ctx, r, hints)
}

// attachToLeft attaches a request to a turn whose client has left. It returns nil if there
// is none.
func (s *Store) attachToLeft(
	ctx context.Context, r conversation.TurnRequest,
) (found *conversation.StoredTurn, err error) {
	err = s.autocommit(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = firstTurn(ctx, c, attachToLeft, s.account, r.Turn.Caller, r.Turn.Request[:], r.Retried)
		return err
	})
	if err != nil {
		return nil, err // the statement may still run and set found
	}
	return found, nil
}

// maxKeyAttempts limits how often attachByKeyOrBegin tries again because another request took
// or released the key between its two statements.
const maxKeyAttempts = 8

var errKeyContended = errors.New("other requests take and release the idempotency key too fast")

// attachByKeyOrBegin returns the stored turn with the key of t. If there is none, it stores t as
// running and returns nil.
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
			// The turn ended between the two statements.
		}
		return errKeyContended
	})
	switch {
	case err != nil:
		return nil, err
	case found == nil || found.Token == t.Token:
		return nil, nil //nolint:nilnil // no stored turn: t begins
	case found.Request != t.Request:
		return nil, conversation.ErrKeyReused
	}
	return found, nil
}

// SaveTurn stores the turn for its next client.
func (s *Store) SaveTurn(ctx context.Context, t conversation.StoredTurn) error {
	return s.transact(ctx, func(ctx context.Context, c conn) error { return s.upsertTurn(ctx, c, t, false) })
}

// upsertTurn inserts or updates a turn. With ended it updates only the turn's end, not
// whether the client has left. If the turn's lease had expired and another turn has its key
// now, the turn is stored without a key.
func (s *Store) upsertTurn(ctx context.Context, c conn, t conversation.StoredTurn, ended bool) error {
	var answer any
	if t.Whole {
		answer = append([]byte{}, t.Answer...)
	}
	args := []any{s.account, t.Token[:], t.ClientLeft, t.NoOutput, t.Whole, answer, t.Session, s.lease}
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

// Turn returns a stored turn, or ErrUnknown.
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

// ReleaseTurn records that the client attached to a stored turn has left.
func (s *Store) ReleaseTurn(ctx context.Context, token conversation.Token, hasNoOutput bool) error {
	return s.execEach(ctx, []string{releaseTurn}, s.account, token[:], hasNoOutput)
}

// Forget deletes a stored turn.
func (s *Store) Forget(ctx context.Context, token conversation.Token) error {
	return s.execEach(ctx, []string{deleteTurn}, s.account, token[:])
}
