package store

import (
	"bytes"
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"achuan/internal/conversation"
)

const (
	extendSessionLeases = `
UPDATE sessions SET lease = {now} + $3 WHERE account = $1 AND token {in_tokens} AND token IS NOT NULL
RETURNING token`

	// readExpiryTime selects the time at which leases expire: now, or 0 if the server
	// restarted less than a lease ago.
	readExpiryTime = `SELECT CASE WHEN {now} < moved + $1 THEN 0 ELSE {now} END FROM meta`

	// hasExpired is the condition that a lease expired before $2. It is false if the
	// statement runs more than $3 after that: a server that was away runs waiting
	// statements when it is back, and no process could extend a lease before that.
	hasExpired = `token IS NOT NULL AND lease <= $2 AND {now} < $2 + $3`

	// setExpired sets what a session becomes when its turn is gone. Lost and retired sessions
	// stay lost and retired.
	setExpired = `
	state = CASE WHEN state = 'free' THEN 'dirty' ELSE state END, unseen = unseen OR state IN ('free', 'dirty'),
	head = NULL, reach = COALESCE(taken_as, reach), taken_as = NULL, token = NULL, lease = 0`

	expireSessions = `
WITH picked AS MATERIALIZED (
	SELECT id FROM sessions WHERE account = $1 AND ` + hasExpired + ` {skip_locked})
UPDATE sessions SET` + setExpired + `
WHERE account = $1 AND id IN (SELECT id FROM picked)
RETURNING state`

	// isDeletable is the condition that clean-up may take a session last used before $4.
	isDeletable = `account = $1 AND made AND ` + usedHour + ` <= $4 / 3600000000 AND used < $4 AND retry <= {now} AND token IS NULL AND NOT ` + isMaybeTaken
	// takeDeletable takes up to $5 sessions that also meet CONDITION.
	takeDeletable = `
WITH picked AS MATERIALIZED (
	SELECT id FROM sessions WHERE ` + isDeletable + ` AND CONDITION ORDER BY ` + usedHour + `, used LIMIT $5 {skip_locked})
UPDATE sessions SET token = $2, lease = {now} + $3
WHERE account = $1 AND id IN (SELECT id FROM picked)
RETURNING ` + justTakenColumns

	postponeSession = `UPDATE sessions SET token = NULL, lease = 0, retry = $4` + whereHeld

	deleteSession = `DELETE FROM sessions` + whereHeld
	// The store remembers that a name came with a history after the name's session is gone.
	deleteSessionNames = `DELETE FROM names WHERE account = $1 AND session = $2 AND NOT history`
	unbindNames        = `UPDATE names SET session = 0 WHERE account = $1 AND session = $2`
	deleteAliases      = `DELETE FROM aliases WHERE account = $1 AND session = $2`

	// findSweepEnd finds the row of heads that has $4 others between it and row $1, $2, $3.
	findSweepEnd = `
SELECT head, account, session FROM heads WHERE (head, account, session) > ($1, $2, $3)
ORDER BY head, account, session LIMIT 1 OFFSET $4`
	// deleteOrphanHeads deletes the heads after row $1, $2, $3, up to row $4, $5, $6, whose
	// sessions are gone.
	deleteOrphanHeads = `
DELETE FROM heads WHERE (head, account, session) > ($1, $2, $3) AND (head, account, session) <= ($4, $5, $6) AND NOT EXISTS (
	SELECT 1 FROM sessions WHERE sessions.id = heads.session AND sessions.account = heads.account)`
)

// Extend extends the leases of sessions, turns and name claims. It returns the tokens that
// hold nothing any more.
func (s *Store) Extend(ctx context.Context, tokens []conversation.Token) ([]conversation.Token, error) {
	if len(tokens) == 0 {
		return nil, nil
	}
	var live map[conversation.Token]bool
	err := s.autocommit(ctx, func(ctx context.Context, c conn) error {
		live = map[conversation.Token]bool{}
		for _, statement := range []string{extendSessionLeases, extendTurnLeases, extendClaimLeases} {
			extended, err := queryAll(ctx, c, scanToken, statement, s.account, s.backend.encodeTokens(tokens), s.lease)
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

// ExpireLeases ends what has expired; see conversation.Store.
func (s *Store) ExpireLeases(ctx context.Context) (int, error) {
	dirty, err := s.expireLeases(ctx)
	if err != nil {
		return 0, err
	}
	err = s.autocommit(ctx, func(ctx context.Context, c conn) error {
		for _, statement := range []string{deleteDeadTurns, deleteExcessAnswers} {
			if _, err := c.exec(ctx, statement, s.account); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return dirty, err
	}
	return dirty, s.sweepHeads(ctx)
}

// sweepSize is how many heads one call of sweepHeads looks at.
const sweepSize = 1000

// headRow is the key of a row of heads.
type headRow struct {
	head             []byte
	account, session int64
}

// sweepHeads deletes heads whose sessions are gone: each call among the next sweepSize heads. An
// index of the heads of a session would cost every turn more than that.
func (s *Store) sweepHeads(ctx context.Context) error {
	s.sweep.Lock()
	defer s.sweep.Unlock()
	from := s.sweptTo
	var next headRow
	err := s.autocommit(ctx, func(ctx context.Context, c conn) error {
		after := []any{nonNullBytes(string(from.head)), from.account, from.session}
		var end headRow
		found, err := queryRow(ctx, c, []any{&end.head, &end.account, &end.session},
			findSweepEnd, append(slices.Clip(after), int64(sweepSize-1))...)
		if err != nil {
			return err
		}
		next = end
		if !found {
			next = headRow{} // the next call begins again
			end = headRow{bytes.Repeat([]byte{0xff}, len(conversation.Hash{})), math.MaxInt64, math.MaxInt64}
		}
		_, err = c.exec(ctx, deleteOrphanHeads, append(after, end.head, end.account, end.session)...)
		return err
	})
	if err != nil {
		return err
	}
	s.sweptTo = next
	return nil
}

// expireLeases ends takings, turns and name claims whose process has not extended them. It
// returns how many sessions became dirty.
func (s *Store) expireLeases(ctx context.Context) (dirty int, err error) {
	if !s.HasLeases() {
		return 0, nil
	}
	var now int64
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&now}, readExpiryTime, s.lease)
		return err
	})
	if err != nil {
		return 0, err
	}
	args := []any{s.account, now, s.timeout.Microseconds()}
	err = s.autocommit(ctx, func(ctx context.Context, c conn) error {
		dirty = 0
		states, err := queryAll(ctx, c, scanState, expireSessions, args...)
		if err != nil {
			return err
		}
		for _, state := range states {
			if state == conversation.StateDirty {
				dirty++
			}
		}
		for _, statement := range []string{expireTurns, deleteExpiredClaims, clearExpiredClaims} {
			if _, err := c.exec(ctx, statement, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err // the statements may still run and set dirty
	}
	return dirty, nil
}

func scanState(r rows) (state conversation.State, err error) {
	err = r.Scan(&state)
	return state, err
}

// takeDeletableBy has the statements of TakeExpired, in their order. A session whose name
// still means it, and never came with a history, is the only copy of its chat.
var takeDeletableBy = struct{ throwaway, lineage, gone, scoped, byID, byName string }{
	// A repetition of an interrupted request finds its answer in the session.
	throwaway: takeDeletableWhere(`reach = 'throwaway' AND NOT (unseen AND request IS NOT NULL AND taken > {now} - {resume_window})`),
	lineage:   takeDeletableWhere(`reach = 'lineage'`),
	gone:      takeDeletableWhere(`state IN ('lost', 'retired')`),
	scoped: takeDeletableWhere(`reach = 'name' AND NOT EXISTS (
	SELECT 1 FROM names WHERE names.account = $1 AND names.session = sessions.id AND NOT names.history)`),
	byID:   takeDeletableWhere(`reach = 'id'`),
	byName: takeDeletableWhere(`reach = 'name'`),
}

func takeDeletableWhere(condition string) string {
	return strings.Replace(takeDeletable, "CONDITION", condition, 1)
}

// TakeExpired takes up to limit sessions that clean-up may delete; see conversation.Store. It
// returns them as they were.
func (s *Store) TakeExpired(
	ctx context.Context, lineage, named time.Time, token conversation.Token, limit int,
) ([]conversation.Session, error) {
	cutoffs := []struct {
		statement string
		before    int64
	}{
		{takeDeletableBy.throwaway, math.MaxInt64},
		{takeDeletableBy.lineage, toMicros(lineage)},
		{takeDeletableBy.gone, toMicros(lineage)},
		{takeDeletableBy.scoped, toMicros(lineage)},
		{takeDeletableBy.byID, toMicros(named)},
		{takeDeletableBy.byName, toMicros(named)},
	}
	var due []conversation.Session
	err := s.transact(ctx, func(ctx context.Context, c conn) error {
		due = nil
		for _, cut := range cutoffs {
			if cut.before == 0 || len(due) >= limit {
				continue
			}
			more, err := queryAll(ctx, c, s.scanSession, cut.statement,
				s.account, token[:], s.lease, cut.before, int64(limit-len(due)))
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

// Delete deletes a session that token holds. Its id remains an alias of the session that
// replaced it. Aliases that led to it are deleted. ExpireLeases deletes its heads later.
func (s *Store) Delete(ctx context.Context, id int64, token conversation.Token) error {
	return s.transact(ctx, func(ctx context.Context, c conn) error {
		if err := requireHeld(c.exec(ctx, deleteSession, s.account, id, token[:])); err != nil {
			return err
		}
		for _, statement := range []string{deleteSessionNames, unbindNames, deleteAliases} {
			if _, err := c.exec(ctx, statement, s.account, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Postpone releases a session that TakeExpired took, unchanged. TakeExpired does not take
// it again before retry.
func (s *Store) Postpone(ctx context.Context, id int64, token conversation.Token, retry time.Time) error {
	return s.execHeld(ctx, postponeSession, s.account, id, token[:], toMicros(retry))
}
