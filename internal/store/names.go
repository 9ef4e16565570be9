package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"achuan/internal/conversation"
)

// digestOf stands for a name in the store: clients choose names, of any length and
// with any bytes in them.
func digestOf(k conversation.NameKey) []byte {
	var framed []byte
	for _, field := range []string{k.Caller, k.Model, k.Name} {
		framed = binary.AppendUvarint(framed, uint64(len(field)))
		framed = append(framed, field...)
	}
	sum := sha256.Sum256(framed)
	return sum[:]
}

const (
	findName = `SELECT session, history FROM names WHERE account = $1 AND digest = $2`

	// claimName takes a name that nothing is bound to and nobody has claimed.
	claimName = `
INSERT INTO names (account, digest, session, history, token, lease)
VALUES ($1, $2, 0, FALSE, $3, {now} + $4)
ON CONFLICT (digest, account) DO UPDATE SET token = excluded.token, lease = excluded.lease
WHERE names.session = 0 AND (names.token IS NULL OR names.token = excluded.token)
RETURNING session, history`

	bindName = `
INSERT INTO names (account, digest, session, history) VALUES ($1, $2, $3, $4)
ON CONFLICT (digest, account)`
	// rebind lets a name mean another session; once it came with a history, it has.
	rebind = ` DO UPDATE SET session = excluded.session, history = names.history OR excluded.history,
	token = NULL, lease = 0`
	unlessBound = ` WHERE names.session IN (0, excluded.session)`

	noteHistory = `
INSERT INTO names (account, digest, session, history) VALUES ($1, $2, 0, TRUE)
ON CONFLICT (digest, account) DO UPDATE SET history = TRUE`

	// What a claim leaves behind is that the name came with a history.
	dropClaim   = `DELETE FROM names WHERE account = $1 AND digest = $2 AND token = $3 AND session = 0 AND NOT history`
	endClaim    = `UPDATE names SET token = NULL, lease = 0 WHERE account = $1 AND digest = $2 AND token = $3 AND session = 0`
	dropClaims  = `DELETE FROM names WHERE account = $1 AND ` + hasExpired + ` AND session = 0 AND NOT history`
	endClaims   = `UPDATE names SET token = NULL, lease = 0 WHERE account = $1 AND ` + hasExpired
	extendClaim = `
UPDATE names SET lease = {now} + $3 WHERE account = $1 AND token {tokens} AND token IS NOT NULL
RETURNING token`
)

// Name returns what a name means; the zero Name for nothing.
func (s *Store) Name(ctx context.Context, k conversation.NameKey) (n conversation.Name, err error) {
	var found conversation.Name
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := one(ctx, c, []any{&found.Session, &found.History}, findName, s.account, digestOf(k))
		return err
	})
	if err != nil {
		return n, err
	}
	return found, nil
}

// ClaimName takes a name that means nothing yet.
func (s *Store) ClaimName(ctx context.Context, k conversation.NameKey, token conversation.Token) (conversation.Name, bool, error) {
	var found conversation.Name
	var claimed bool
	digest := digestOf(k)
	err := s.step(ctx, func(ctx context.Context, c conn) (err error) {
		dest := []any{&found.Session, &found.History}
		claimed, err = one(ctx, c, dest, claimName, s.account, digest, token[:], s.lease)
		if err != nil || claimed {
			return err
		}
		_, err = one(ctx, c, dest, findName, s.account, digest)
		return err
	})
	switch {
	case err != nil:
		return conversation.Name{}, false, err
	case !claimed && found.Session == 0:
		return conversation.Name{}, false, conversation.ErrTaken
	}
	return found, claimed, nil
}

// BindName makes a claimed name mean a session; ErrTaken when it means another one
// by now.
func (s *Store) BindName(ctx context.Context, b conversation.NameBinding, session int64) error {
	return s.step(ctx, func(ctx context.Context, c conn) error {
		bound, err := c.exec(ctx, bindName+rebind+unlessBound, s.account, digestOf(b.Key), session, b.History)
		if err == nil && bound == 0 {
			return conversation.ErrTaken
		}
		return err
	})
}

// ReleaseName gives a claimed name back that still means nothing.
func (s *Store) ReleaseName(ctx context.Context, k conversation.NameKey, token conversation.Token) error {
	return s.each(ctx, []string{dropClaim, endClaim}, s.account, digestOf(k), token[:])
}

// MarkNameHistory notes that a name came with a history.
func (s *Store) MarkNameHistory(ctx context.Context, k conversation.NameKey) error {
	return s.each(ctx, []string{noteHistory}, s.account, digestOf(k))
}

// each runs the statements one after the other, each for itself.
func (s *Store) each(ctx context.Context, statements []string, args ...any) error {
	return s.step(ctx, func(ctx context.Context, c conn) error {
		for _, statement := range statements {
			if _, err := c.exec(ctx, statement, args...); err != nil {
				return err
			}
		}
		return nil
	})
}
