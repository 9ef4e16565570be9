package store

import (
	"context"
	"fmt"
	"time"

	"achuan/internal/conversation"
)

// setTaking sets what a session is taken for. The arguments from $4 are takingArgs.
const setTaking = `token = $4, turn = $4, request = $5, sent = $6, sent_size = $7, question = $8, unasked = FALSE`

// matchSession takes a free session with a head that a transcript may continue: not one
// that is addressed by its id only, or never again. The table of heads has the first bytes
// of a head, so the session's whole head is compared. Appending nothing keeps a planner without
// statistics from scanning all free sessions of the caller.
const matchSession = `
UPDATE sessions SET lease = {now} + $9, taken = {now}, ` + setTaking + `
WHERE account = $1 AND id = (
	SELECT sessions.id FROM heads JOIN sessions ON sessions.id = heads.session AND sessions.account = heads.account
	WHERE heads.head = $14 AND heads.account = $1 AND heads.current
		AND sessions.head = $2 AND caller || '' = $3 AND state || '' = 'free' AND token IS NULL
		AND reach NOT IN ('id', 'throwaway') AND NOT ` + isMaybeTaken + `
		AND (instructions IS NULL OR instructions = $11 OR tools IS NOT DISTINCT FROM $12 OR tools = $13)
	ORDER BY known AND settings = $10 DESC, used DESC, id DESC LIMIT 1 {skip_locked})
RETURNING ` + justTakenColumns

// isKnownHead finds a session of the caller that has or had a head.
const isKnownHead = `
SELECT 1 FROM heads JOIN sessions ON sessions.account = heads.account AND sessions.id = heads.session
WHERE heads.account = $1 AND heads.head = $2 AND sessions.caller = $3 AND NOT ` + isMaybeTaken + ` LIMIT 1`

// Match takes a free session with a head. It returns nil if there is none; see
// conversation.Store.
func (s *Store) Match(ctx context.Context, q conversation.HeadQuery) (*conversation.Session, bool, error) {
	prefer, err := encodeSettings(q.Prefer)
	if err != nil || q.Head == (conversation.Hash{}) {
		return nil, false, err
	}
	args := append([]any{s.account, q.Head[:], q.Caller}, takingArgs(q.Taking)...)
	args = append(args, s.lease, prefer, q.Instructions[:], hashOrNull(q.Tools), alternativeTools(q.Tools),
		shortHead(q.Head))
	found, err := s.firstSession(ctx, s.autocommit, matchSession, args...)
	if err != nil || found != nil {
		return found, found != nil, err
	}
	isKnown := false
	err = s.read(ctx, func(ctx context.Context, c conn) (err error) {
		isKnown, err = queryRow(ctx, c, []any{new(int64)}, isKnownHead, s.account, shortHead(q.Head), q.Caller)
		return err
	})
	return nil, isKnown, err
}

// alternativeTools returns the digest that a session may have instead of the tools of a
// request. A request without tools also matches a session that had tools in earlier turns.
func alternativeTools(tools conversation.Hash) []byte {
	if tools == (conversation.Hash{}) {
		return conversation.NoToolsNow[:]
	}
	return tools[:]
}

// firstSession returns the first session of a query, or nil. run is s.read, or s.autocommit
// for a statement that takes the session.
func (s *Store) firstSession(
	ctx context.Context, run func(context.Context, workFunc) error, statement string, args ...any,
) (*conversation.Session, error) {
	var found []conversation.Session
	err := run(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryAll(ctx, c, s.scanSession, statement, args...)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// setTakingUnlessInterrupted is setTaking for a session whose last taking may have been
// interrupted. Then it keeps what that taking was for, so that a repetition of its request
// finds the answer.
const setTakingUnlessInterrupted = `
	token = $4,
	turn = CASE WHEN unseen THEN turn ELSE $4 END,
	request = CASE WHEN unseen THEN request ELSE $5 END,
	sent = CASE WHEN unseen THEN sent ELSE $6 END,
	sent_size = CASE WHEN unseen THEN sent_size ELSE $7 END,
	question = CASE WHEN unseen THEN question ELSE $8 END,
	unasked = unseen AND unasked,
	taken = CASE WHEN unseen THEN taken ELSE {now} END`

// takeSession stores the addressing of this taking in taken_as, and keeps that of the row in
// reach until the taking is saved.
const takeSession = `
UPDATE sessions SET lease = {now} + $9, ` + setTakingUnlessInterrupted + `,
	taken_as = CASE WHEN reach = 'id' OR (reach = 'name' AND $3 = 'lineage') THEN reach ELSE $3 END{clear_waiter}
WHERE account = $1 AND id = $2 AND state IN ('free', 'dirty') AND token IS NULL{no_other_waits}
RETURNING ` + justTakenColumns

// isUsable selects whether a session is free, dirty or taken.
const isUsable = `SELECT state IN ('free', 'dirty') FROM sessions WHERE account = $1 AND id = $2`

// Take takes a session that is free or dirty; see conversation.Store. A request that does
// not get the session gets it next, unless a request at another replica waits longer.
func (s *Store) Take(
	ctx context.Context, id int64, t conversation.Taking, by conversation.Addressing,
) (*conversation.Session, error) {
	args := append(append([]any{s.account, id, string(by)}, takingArgs(t)...), s.lease)
	found, err := s.firstSession(ctx, s.autocommit, takeSession, args...)
	switch {
	case err != nil:
		return nil, err
	case found != nil:
		applyAddressing(found, by)
		return found, nil
	}
	var usable bool
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&usable}, isUsable, s.account, id)
		if err != nil || !usable || !s.HasLeases() || t.Request.IsZero() {
			return err
		}
		_, err = c.exec(ctx, registerWaiter, s.account, id, t.Token[:])
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case usable:
		return nil, conversation.ErrTaken
	}
	return nil, conversation.ErrUnknown
}

// applyAddressing sets the addressing that a session has after a taking. A session that was
// once addressed by id keeps that and has no head. A session that was addressed by name is
// not addressed by lineage again.
func applyAddressing(n *conversation.Session, by conversation.Addressing) {
	if n.Addressing != conversation.ByID && (n.Addressing != conversation.ByName || by != conversation.ByLineage) {
		n.Addressing = by
	}
	if n.Addressing == conversation.ByID {
		n.Head = conversation.Hash{}
	}
}

const (
	releaseByID    = `UPDATE sessions SET ` + setReleased + ` WHERE account = $1 AND token = $2 AND id = $3`
	releaseByHead  = `UPDATE sessions SET ` + setReleased + ` WHERE account = $1 AND token = $2 AND head = $3`
	releaseByToken = `UPDATE sessions SET ` + setReleased + ` WHERE account = $1 AND token = $2`
	setReleased    = `token = NULL, lease = 0, taken_as = NULL, request = CASE WHEN unseen THEN request END`
)

// Release undoes a taking; see conversation.Store.
func (s *Store) Release(ctx context.Context, token conversation.Token, id int64, head conversation.Hash) error {
	statement, args := releaseByToken, []any{s.account, token[:]}
	switch {
	case id != 0:
		statement, args = releaseByID, append(args, id)
	case head != conversation.Hash{}:
		statement, args = releaseByHead, append(args, head[:])
	}
	return s.execEach(ctx, []string{statement}, args...)
}

const insertSession = `
INSERT INTO sessions (account, id, made, reach, name, state, unseen, head, epoch, exchanges, turns,
	last, preset, settings, known, object, used, instructions, tools, told,
	request, turn, sent, sent_size, question, taken, caller, created, token, lease, unasked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN CAST($9 AS BIGINT) = 1 THEN 1 ELSE -1 END * (SELECT epoch FROM meta), $10, $11,
	$12, $13, $14, $15, $16, ` + usedOrNow + `, $18, $19, $20,
	$21, $22, $23, $24, $25, {now} + CAST($26 AS BIGINT), $27, $28, $29, {now} + $30, NOT $15)
ON CONFLICT DO NOTHING`

const insertHead = `
INSERT INTO heads (account, head, session, current) VALUES ($1, $2, $3, TRUE)
ON CONFLICT (head, account, session) DO UPDATE SET current = TRUE`

// Create stores a new session that is taken; see conversation.Store. If it is never saved,
// its content is unknown, so it is stored as dirty.
func (s *Store) Create(ctx context.Context, n conversation.Session, t conversation.Taking) error {
	n.State = conversation.StateDirty
	n.Request, n.Turn, n.Sent, n.Question, n.Taken = t.Request, t.Token, t.Sent, t.Question, time.Time{}
	values, err := sessionArgs(&n)
	if err != nil {
		return err
	}
	args := append([]any{s.account}, values...)
	args = append(args, n.Caller, toMicros(n.Created), t.Token[:], s.lease)
	run := s.autocommit
	if n.Head != (conversation.Hash{}) {
		run = s.transact
	}
	return run(ctx, func(ctx context.Context, c conn) error {
		created, err := c.exec(ctx, insertSession, args...)
		switch {
		case err != nil:
			return err
		case created == 0:
			return conversation.ErrTaken
		case n.Head == (conversation.Hash{}):
			return nil
		}
		_, err = c.exec(ctx, insertHead, s.account, shortHead(n.Head), n.ID)
		return err
	})
}

// whereHeld limits a statement to a session that token $3 holds.
const whereHeld = ` WHERE account = $1 AND id = $2 AND token = $3`

const (
	// The question of a taking that may have been interrupted was sent earlier.
	setUnasked          = `unasked = unasked OR NOT unseen`
	markSettingsUnknown = `UPDATE sessions SET known = FALSE, ` + setUnasked + whereHeld
	markUnasked         = `UPDATE sessions SET ` + setUnasked + whereHeld
	markAsking          = `UPDATE sessions SET unasked = FALSE, exchanges = $4` + whereHeld
)

// MarkSettingsUnknown records, before a PUT, that the settings are about to change.
func (s *Store) MarkSettingsUnknown(ctx context.Context, id int64, token conversation.Token) error {
	return s.execHeld(ctx, markSettingsUnknown, s.account, id, token[:])
}

// MarkUnasked records that the question is not sent before MarkAsking is called.
func (s *Store) MarkUnasked(ctx context.Context, id int64, token conversation.Token) error {
	return s.execHeld(ctx, markUnasked, s.account, id, token[:])
}

// MarkAsking records that the question is about to be sent.
func (s *Store) MarkAsking(ctx context.Context, id int64, token conversation.Token, exchanges int) error {
	return s.execHeld(ctx, markAsking, s.account, id, token[:], int64(exchanges))
}

// execHeld runs a statement that ends in whereHeld. It returns ErrNotHeld if the token does
// not hold the session.
func (s *Store) execHeld(ctx context.Context, statement string, args ...any) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		return requireHeld(c.exec(ctx, statement, args...))
	})
}

// requireHeld returns ErrNotHeld if a statement with whereHeld affected no row.
func requireHeld(affected int64, err error) error {
	if err == nil && affected == 0 {
		return conversation.ErrNotHeld
	}
	return err
}

const findSession = `
SELECT ` + sessionColumns + ` FROM sessions
WHERE account = $1
	AND id = COALESCE((SELECT session FROM aliases WHERE account = $1 AND id = $2), $2)`

// Session returns the session that an id or an alias means. It returns ErrUnknown if the owner
// does not see such a session.
func (s *Store) Session(ctx context.Context, owner conversation.Owner, id int64) (*conversation.Session, error) {
	found, err := s.firstSession(ctx, s.read, findSession, s.account, id)
	switch {
	case err != nil:
		return nil, fmt.Errorf("session %d: %w", id, err)
	case found == nil, !owner.Sees(found.Caller):
		return nil, conversation.ErrUnknown
	}
	return found, nil
}
