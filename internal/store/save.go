package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"achuan/internal/conversation"
)

// usedOrNow is the time of the last use, which is now by the database's clock when the engine names none.
const usedOrNow = `COALESCE(NULLIF(CAST($17 AS BIGINT), 0), {now})`

// saveSession ends a taking. It never changes a session's caller and creation time.
const saveSession = `
UPDATE sessions SET made = $3, reach = $4, name = $5, state = $6, unseen = $7, head = $8,
	epoch = CASE CAST($9 AS BIGINT) WHEN 1 THEN (SELECT epoch FROM meta) WHEN 0 THEN -(SELECT epoch FROM meta) ELSE epoch END,
	exchanges = $10, turns = $11,
	last = $12, preset = $13, settings = $14, known = $15, object = $16, used = ` + usedOrNow + `,
	instructions = $18, tools = $19, told = $20,
	request = $21, turn = $22, sent = $23, sent_size = $24, question = $25, taken = COALESCE(NULLIF(CAST($26 AS BIGINT), 0), taken), unasked = unasked AND $7,
	token = NULL, lease = 0, taken_as = NULL, retry = 0
WHERE account = $1 AND id = $2 AND token = $27`

// changeHead records that a session that the token holds has another head from now on. It runs
// before saveSession, or in the same statement with a condition that saveSession has saved it.
func changeHead(token, head, shortHead, condition string) string {
	return strings.NewReplacer("TOKEN", token, "SHORT", shortHead, "HEAD", head, "CONDITION", condition).Replace(`
	INSERT INTO heads (account, head, session, current)
	SELECT $1, substr(head, 1, 8), $2, FALSE FROM sessions
	WHERE account = $1 AND id = $2 AND token = TOKEN AND head IS NOT NULL AND head IS DISTINCT FROM HEADCONDITION
	UNION ALL
	SELECT $1, SHORT, $2, TRUE FROM sessions WHERE account = $1 AND id = $2 AND token = TOKEN AND SHORT IS NOT NULLCONDITION
	ON CONFLICT (head, account, session) DO UPDATE SET current = excluded.current`)
}

var saveHead = changeHead("$3", "$4", "$5", "")

// saveInOneStatement is a Save without a turn and a replacement, in one round trip to the
// server: it writes the session, its head and its name, and deletes a failed turn.
var saveInOneStatement = `
WITH saved AS (` + saveSession + ` RETURNING id),
heads_changed AS (` + changeHead("$27", "$8::bytea", "substr($8::bytea, 1, 8)", " AND EXISTS (SELECT 1 FROM saved)") + `),
bound AS (
	INSERT INTO names (account, digest, session, history)
	SELECT $1, $28::bytea, id, $29::boolean FROM saved WHERE $28::bytea IS NOT NULL
	ON CONFLICT (digest, account)` + orRebindName + `),
failed AS (
	DELETE FROM turns WHERE account = $1 AND token = $27 AND $30::boolean AND EXISTS (SELECT 1 FROM saved))
SELECT COUNT(*) FROM saved`

// Save ends a taking; see conversation.Store.
func (s *Store) Save(ctx context.Context, commit conversation.Commit) error {
	switch commit.Session.State {
	case conversation.StateFree, conversation.StateDirty, conversation.StateLost, conversation.StateRetired:
	default:
		return fmt.Errorf("session %d cannot be saved with state %q", commit.Session.ID, commit.Session.State)
	}
	if r := commit.Replaces; r != nil && r.State != conversation.StateLost && r.State != conversation.StateRetired {
		return fmt.Errorf("session %d cannot be replaced with state %q", r.Old, r.State)
	}
	values, err := sessionArgs(&commit.Session)
	if err != nil {
		return err
	}
	values = append(append([]any{s.account}, values...), commit.Token[:])
	switch {
	case s.kind == KindSQLite:
		return s.transact(ctx, func(ctx context.Context, c conn) error { return s.saveInSteps(ctx, c, commit, values) })
	case commit.Turn == nil && commit.Replaces == nil:
		return s.autocommit(ctx, func(ctx context.Context, c conn) error {
			return s.saveInOneStatement(ctx, c, commit, values)
		})
	}
	return s.transact(ctx, func(ctx context.Context, c conn) error {
		if err := s.saveInOneStatement(ctx, c, commit, values); err != nil {
			return err
		}
		return s.saveRest(ctx, c, commit)
	})
}

func (s *Store) saveInOneStatement(ctx context.Context, c conn, commit conversation.Commit, values []any) error {
	var digest any
	history := false
	if commit.Bind != nil {
		digest, history = nameDigest(commit.Bind.Key), commit.Bind.History
	}
	var saved int64
	args := append(slices.Clip(values), digest, history, commit.Failed)
	if _, err := queryRow(ctx, c, []any{&saved}, saveInOneStatement, args...); err != nil {
		return err
	}
	return requireHeld(saved, nil)
}

func (s *Store) saveInSteps(ctx context.Context, c conn, commit conversation.Commit, values []any) error {
	head := hashOrNull(commit.Session.Head)
	var short any
	if head != nil {
		short = shortHead(commit.Session.Head)
	}
	if _, err := c.exec(ctx, saveHead, s.account, commit.Session.ID, commit.Token[:], head, short); err != nil {
		return err
	}
	if err := requireHeld(c.exec(ctx, saveSession, values...)); err != nil {
		return err
	}
	if b := commit.Bind; b != nil {
		args := []any{s.account, nameDigest(b.Key), commit.Session.ID, b.History}
		if _, err := c.exec(ctx, bindName+orRebindName, args...); err != nil {
			return err
		}
	}
	if commit.Failed {
		if _, err := c.exec(ctx, deleteTurn, s.account, commit.Token[:]); err != nil {
			return err
		}
	}
	return s.saveRest(ctx, c, commit)
}

// saveRest writes what few commits have: a replacement and a stored turn.
func (s *Store) saveRest(ctx context.Context, c conn, commit conversation.Commit) error {
	if commit.Replaces != nil {
		if err := s.replaceSession(ctx, c, commit); err != nil {
			return err
		}
	}
	if commit.Turn != nil {
		return s.upsertTurn(ctx, c, *commit.Turn, true)
	}
	return nil
}
