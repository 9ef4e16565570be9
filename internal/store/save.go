package store

import (
	"context"
	"fmt"
	"slices"

	"achuan/internal/conversation"
)

// saveSession ends a taking. Whose a session is and when it was made never change.
const saveSession = `
UPDATE sessions SET made = $3, reach = $4, name = $5, state = $6, unseen = $7, head = $8,
	epoch = CASE CAST($9 AS BIGINT) WHEN 1 THEN (SELECT epoch FROM meta) WHEN 0 THEN -(SELECT epoch FROM meta) ELSE epoch END,
	exchanges = $10, turns = $11,
	last = $12, preset = $13, settings = $14, known = $15, object = $16, used = $17,
	instructions = $18, tools = $19, told = $20,
	request = $21, turn = $22, sent = $23, sent_size = $24, question = $25, taken = $26, unasked = unasked AND $7,
	token = NULL, lease = 0, taken_as = NULL, retry = 0
WHERE account = $1 AND id = $2 AND token = $27`

// saveInOneStatement is the whole of a Save without a turn in one statement, which is one
// round trip: the session, its head, its name, and what a failed turn leaves.
const saveInOneStatement = `
WITH saved AS (` + saveSession + ` RETURNING id),
past AS (
	INSERT INTO heads (account, head, session) SELECT $1, $8, id FROM saved WHERE $8 IS NOT NULL
	ON CONFLICT DO NOTHING),
bound AS (
	INSERT INTO names (account, digest, session, history)
	SELECT $1, $28::bytea, id, $29::boolean FROM saved WHERE $28::bytea IS NOT NULL
	ON CONFLICT (digest, account)` + orRebindName + `),
failed AS (
	DELETE FROM turns WHERE account = $1 AND token = $27 AND $30::boolean AND EXISTS (SELECT 1 FROM saved))
SELECT COUNT(*) FROM saved`

// Save ends a taking.
func (s *Store) Save(ctx context.Context, save conversation.Commit) error {
	switch save.Session.State {
	case conversation.StateFree, conversation.StateDirty, conversation.StateLost, conversation.StateRetired:
	default:
		return fmt.Errorf("session %d cannot be given back as %q", save.Session.ID, save.Session.State)
	}
	if r := save.Replaces; r != nil && r.State != conversation.StateLost && r.State != conversation.StateRetired {
		return fmt.Errorf("session %d cannot be replaced and %q", r.Old, r.State)
	}
	values, err := sessionArgs(&save.Session)
	if err != nil {
		return err
	}
	values = append(append([]any{s.account}, values...), save.Token[:])
	switch {
	case s.kind == KindSQLite:
		return s.transact(ctx, func(ctx context.Context, c conn) error { return s.saveInSteps(ctx, c, save, values) })
	case save.Turn == nil && save.Replaces == nil:
		return s.autocommit(ctx, func(ctx context.Context, c conn) error { return s.saveInOneStatement(ctx, c, save, values) })
	}
	return s.transact(ctx, func(ctx context.Context, c conn) error {
		if err := s.saveInOneStatement(ctx, c, save, values); err != nil {
			return err
		}
		return s.saveRest(ctx, c, save)
	})
}

func (s *Store) saveInOneStatement(ctx context.Context, c conn, save conversation.Commit, values []any) error {
	var digest any
	history := false
	if save.Bind != nil {
		digest, history = nameDigest(save.Bind.Key), save.Bind.History
	}
	var saved int64
	args := append(slices.Clip(values), digest, history, save.Failed)
	if _, err := queryRow(ctx, c, []any{&saved}, saveInOneStatement, args...); err != nil {
		return err
	}
	return requireHeld(saved, nil)
}

func (s *Store) saveInSteps(ctx context.Context, c conn, save conversation.Commit, values []any) error {
	if err := requireHeld(c.exec(ctx, saveSession, values...)); err != nil {
		return err
	}
	if head := save.Session.Head; head != (conversation.Hash{}) {
		if _, err := c.exec(ctx, insertHead, s.account, head[:], save.Session.ID); err != nil {
			return err
		}
	}
	if b := save.Bind; b != nil {
		if _, err := c.exec(ctx, bindName+orRebindName, s.account, nameDigest(b.Key), save.Session.ID, b.History); err != nil {
			return err
		}
	}
	if save.Failed {
		if _, err := c.exec(ctx, deleteTurn, s.account, save.Token[:]); err != nil {
			return err
		}
	}
	return s.saveRest(ctx, c, save)
}

// saveRest does what few ends of takings need.
func (s *Store) saveRest(ctx context.Context, c conn, save conversation.Commit) error {
	if save.Replaces != nil {
		if err := s.replaceSession(ctx, c, save); err != nil {
			return err
		}
	}
	if save.Turn != nil {
		return s.upsertTurn(ctx, c, *save.Turn, true)
	}
	return nil
}
