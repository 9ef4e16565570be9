package store

import (
	"context"
	"math"
	"time"

	"achuan/internal/conversation"
)

const (
	extendSession = `
UPDATE sessions SET lease = {now} + $3 WHERE account = $1 AND token {tokens} AND token IS NOT NULL AND lease > {now}
RETURNING token`

	// ranOut is what becomes of a session whose lease ran out: lost and retired ones
	// stay so.
	ranOut = `
	state = CASE WHEN token IS NOT NULL AND state = 'free' THEN 'dirty' ELSE state END,
	unseen = unseen OR (token IS NOT NULL AND state IN ('free', 'dirty')),
	head = CASE WHEN token IS NULL THEN head END`

	expireSessions = `
WITH picked AS MATERIALIZED (
	SELECT id FROM sessions WHERE account = $1 AND token IS NOT NULL AND lease <= {now} {skip})
UPDATE sessions SET` + ranOut + `, token = NULL, lease = 0
WHERE account = $1 AND id IN (SELECT id FROM picked)
RETURNING state`

	takeDue = `
WITH picked AS MATERIALIZED (
	SELECT id FROM sessions
	WHERE account = $1 AND made AND reach = $4 AND used < $5 AND retry <= {now} AND (token IS NULL OR lease <= {now})
	ORDER BY used LIMIT $6 {skip})
UPDATE sessions SET` + ranOut + `, token = $2, lease = {now} + $3
WHERE account = $1 AND id IN (SELECT id FROM picked)
RETURNING ` + takenColumns

	postponeSession = `UPDATE sessions SET token = NULL, lease = 0, retry = $4` + held

	deleteSession = `DELETE FROM sessions` + held
	deleteHeads   = `DELETE FROM heads WHERE account = $1 AND session = $2`
	deleteNames   = `DELETE FROM names WHERE account = $1 AND session = $2`
	deleteAliases = `DELETE FROM aliases WHERE account = $1 AND session = $2`
)

// Extend prolongs leases, and returns the tokens of which there is nothing under a
// lease any more. Name claims are prolonged with the rest.
func (s *Store) Extend(ctx context.Context, tokens []conversation.Token) ([]conversation.Token, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	var live map[conversation.Token]bool
	err := s.step(ctx, func(ctx context.Context, c conn) error {
		live = map[conversation.Token]bool{}
		for _, statement := range []string{extendSession, extendTurn, extendClaim} {
			extended, err := all(ctx, c, scanToken, statement, s.account, s.db.tokens(tokens), s.lease)
			if err != nil {
				return err
			}
			for _, t := range extended {
				live[t] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var gone []conversation.Token
	for _, t := range tokens {
		if !live[t] {
			gone = append(gone, t)
		}
	}
	return gone, nil
}

// Expire does what time has made due.
func (s *Store) Expire(ctx context.Context) (int, error) {
	var dirty int
	var turns int64
	counted := s.turns.look()
	err := s.step(ctx, func(ctx context.Context, c conn) error {
		dirty = 0
		states, err := all(ctx, c, func(r rows) (state conversation.State, err error) {
			err = r.Scan(&state)
			return state, err
		}, expireSessions, s.account)
		if err != nil {
			return err
		}
		for _, state := range states {
			if state == conversation.StateDirty {
				dirty++
			}
		}
		for _, statement := range []string{dropTurns, dropAnswers, dropClaims, endClaims} {
			if _, err := c.exec(ctx, statement, s.account); err != nil {
				return err
			}
		}
		_, err = one(ctx, c, []any{&turns}, countTurns, s.account)
		return err
	})
	if err != nil {
		return 0, err
	}
	counted(turns)
	return dirty, nil
}

// Due takes up to limit sessions that achuan made and that may be deleted. Lost and
// retired ones are among them, so that they do not stay for ever; they too are
// returned as they were.
func (s *Store) Due(ctx context.Context, lineage, named time.Time, token conversation.Token, limit int) ([]conversation.Session, error) {
	cutoffs := []struct {
		reach  conversation.Reach
		before int64
	}{
		{conversation.ReachThrowaway, math.MaxInt64},
		{conversation.ReachLineage, micros(lineage)},
		{conversation.ReachID, micros(named)},
		{conversation.ReachName, micros(named)},
	}
	var due []conversation.Session
	err := s.write(ctx, func(ctx context.Context, c conn) error {
		due = nil
		for _, cut := range cutoffs {
			if cut.before == 0 || len(due) >= limit {
				continue
			}
			more, err := all(ctx, c, scanSession, takeDue,
				s.account, token[:], s.lease, string(cut.reach), cut.before, int64(limit-len(due)))
			if err != nil {
				return err
			}
			due = append(due, more...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

// Delete forgets a session that token holds. Its id stays an alias of the session
// that took its place; ids that meant it mean nothing any more.
func (s *Store) Delete(ctx context.Context, id int64, token conversation.Token) error {
	return s.write(ctx, func(ctx context.Context, c conn) error {
		if err := mustHold(c.exec(ctx, deleteSession, s.account, id, token[:])); err != nil {
			return err
		}
		for _, statement := range []string{deleteHeads, deleteNames, deleteAliases} {
			if _, err := c.exec(ctx, statement, s.account, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Postpone gives back a session that Due took, as it was.
func (s *Store) Postpone(ctx context.Context, id int64, token conversation.Token, retry time.Time) error {
	return s.whileHeld(ctx, postponeSession, s.account, id, token[:], micros(retry))
}
