package store

import (
	"context"
	"fmt"
	"time"

	"achuan/internal/conversation"
)

// setTaking sets what a session is taken for, from takingValues at $4.
const setTaking = `token = $4, turn = $4, request = $5, sent = $6, sent_size = $7, question = $8, unasked = FALSE`

// matchSession looks for a head among sessions that a transcript may lead to, not those
// that are reached by id only, or never again. The empty strings keep planners without
// statistics from walking over all free sessions of the caller.
const matchSession = `
UPDATE sessions SET lease = {now} + $9, taken = {now}, ` + setTaking + `
WHERE account = $1 AND id = (
	SELECT id FROM sessions
	WHERE account = $1 AND head = $2 AND caller || '' = $3 AND state || '' = 'free' AND token IS NULL
		AND reach NOT IN ('id', 'throwaway') AND NOT ` + isMaybeTaken + `
		AND (instructions IS NULL OR instructions = $11 OR tools IS NOT DISTINCT FROM $12 OR tools = $13)
	ORDER BY known AND settings = $10 DESC, used DESC, id DESC LIMIT 1 {skip_locked})
RETURNING ` + justTakenColumns

const isKnownHead = `
SELECT 1 FROM heads JOIN sessions ON sessions.account = heads.account AND sessions.id = heads.session
WHERE heads.account = $1 AND heads.head = $2 AND sessions.caller = $3 AND NOT ` + isMaybeTaken + ` LIMIT 1`

// Match takes a free session with the head, nil when there is none; see
// conversation.Store.
func (s *Store) Match(ctx context.Context, c conversation.HeadQuery) (*conversation.Session, bool, error) {
	prefer, err := encodeSettings(c.Prefer)
	if err != nil || c.Head == (conversation.Hash{}) {
		return nil, false, err
	}
	once := true
	known := func(ctx context.Context, db conn) (err error) {
		once, err = queryRow(ctx, db, []any{new(int64)}, isKnownHead, s.account, c.Head[:], c.Caller)
		return err
	}
	if s.backend.hasCheapReads() {
		if err := s.read(ctx, known); err != nil || !once {
			return nil, false, err
		}
	}
	found, err := s.takeFirst(ctx, matchSession,
		append(append([]any{s.account, c.Head[:], c.Caller}, takingArgs(c.Taking)...), s.lease, prefer, c.Instructions[:], hashOrNull(c.Tools), alternativeTools(c.Tools))...)
	if err != nil || found != nil {
		return found, found != nil, err
	}
	if !s.backend.hasCheapReads() {
		if err := s.read(ctx, known); err != nil {
			return nil, false, err
		}
	}
	return nil, once, nil
}

// alternativeTools is the digest that a session may have instead of the tools of a request:
// that of a session that has none any more, when the request has none.
func alternativeTools(tools conversation.Hash) []byte {
	if tools == (conversation.Hash{}) {
		return conversation.NoToolsNow[:]
	}
	return tools[:]
}

// takeFirst runs a statement that takes one session at most.
func (s *Store) takeFirst(ctx context.Context, statement string, args ...any) (*conversation.Session, error) {
	var found []conversation.Session
	err := s.autocommit(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryAll(ctx, c, s.scanSession, statement, args...)
		return err
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// setTakingUnlessInterrupted is setTaking for a session whose last taking may have been interrupted:
// what that was for stays, so that a repetition of its request finds its answer.
const setTakingUnlessInterrupted = `
	token = $4,
	turn = CASE WHEN unseen THEN turn ELSE $4 END,
	request = CASE WHEN unseen THEN request ELSE $5 END,
	sent = CASE WHEN unseen THEN sent ELSE $6 END,
	sent_size = CASE WHEN unseen THEN sent_size ELSE $7 END,
	question = CASE WHEN unseen THEN question ELSE $8 END,
	unasked = unseen AND unasked,
	taken = CASE WHEN unseen THEN taken ELSE {now} END`

// takeSession notes beside the row's own reach the one that the session is taken for.
const takeSession = `
UPDATE sessions SET lease = {now} + $9, ` + setTakingUnlessInterrupted + `,
	taken_as = CASE WHEN reach = 'id' OR (reach = 'name' AND $3 = 'lineage') THEN reach ELSE $3 END{clear_waiter}
WHERE account = $1 AND id = $2 AND state IN ('free', 'dirty') AND token IS NULL{no_other_waits}
RETURNING ` + justTakenColumns

const isUsable = `SELECT state IN ('free', 'dirty') FROM sessions WHERE account = $1 AND id = $2`

// Take takes a session that is free or dirty. By id a session leaves lineage for good,
// and so its head goes. One that was addressed by name is kept as such. A request that
// does not get the session is the next to get it if none at another replica waits longer.
func (s *Store) Take(ctx context.Context, id int64, t conversation.Taking, reach conversation.Addressing) (*conversation.Session, error) {
	args := append(append([]any{s.account, id, string(reach)}, takingArgs(t)...), s.lease)
	found, err := s.takeFirst(ctx, takeSession, args...)
	switch {
	case err != nil:
		return nil, err
	case found != nil:
		applyAddressing(found, reach)
		return found, nil
	}
	var usable bool
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		if _, err := queryRow(ctx, c, []any{&usable}, isUsable, s.account, id); err != nil || !usable || !s.HasLeases() || t.Request.IsZero() {
			return err
		}
		_, err := c.exec(ctx, registerWaiter, s.account, id, t.Token[:])
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

// applyAddressing makes of a session as it is in the store what it is for the turn that takes it.
func applyAddressing(n *conversation.Session, reach conversation.Addressing) {
	if n.Addressing != conversation.ByID && (n.Addressing != conversation.ByName || reach != conversation.ByLineage) {
		n.Addressing = reach
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

// Release ends a taking as if it had never been.
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
	$12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21, $22, $23, $24, $25, {now} + CAST($26 AS BIGINT), $27, $28, $29, {now} + $30, NOT $15)
ON CONFLICT DO NOTHING`

const insertHead = `INSERT INTO heads (account, head, session) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`

// Create stores a session that is taken from the start. Until it is saved, nobody
// knows its content: it is given back as dirty.
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
		_, err = c.exec(ctx, insertHead, s.account, n.Head[:], n.ID)
		return err
	})
}

// whereHeld is the condition of whatever only the holder of a session may do.
const whereHeld = ` WHERE account = $1 AND id = $2 AND token = $3`

const (
	markSettingsUnknown = `UPDATE sessions SET known = FALSE, unasked = unasked OR NOT unseen` + whereHeld
	markAsking          = `UPDATE sessions SET unasked = FALSE` + whereHeld
)

// MarkSettingsUnknown says, before a PUT, that the settings are about to change.
func (s *Store) MarkSettingsUnknown(ctx context.Context, id int64, token conversation.Token) error {
	return s.execHeld(ctx, markSettingsUnknown, s.account, id, token[:])
}

// MarkAsking says, after a PUT, that the question is about to be sent.
func (s *Store) MarkAsking(ctx context.Context, id int64, token conversation.Token) error {
	return s.execHeld(ctx, markAsking, s.account, id, token[:])
}

// execHeld runs a statement with the condition held.
func (s *Store) execHeld(ctx context.Context, statement string, args ...any) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		return requireHeld(c.exec(ctx, statement, args...))
	})
}

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

// Session returns the session that an id means for an owner.
func (s *Store) Session(ctx context.Context, owner conversation.Owner, id int64) (*conversation.Session, error) {
	var found []conversation.Session
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryAll(ctx, c, s.scanSession, findSession, s.account, id)
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("session %d: %w", id, err)
	case len(found) == 0, !owner.Sees(found[0].Caller):
		return nil, conversation.ErrUnknown
	}
	return &found[0], nil
}
