package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"achuan/internal/conversation"
)

// nameDigest returns the key of a name in the table names. Clients may choose names of any
// length and with any bytes.
func nameDigest(k conversation.NameKey) []byte {
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

	// claimName claims a name that means no session and that no other token has claimed.
	claimName = `
INSERT INTO names (account, digest, session, history, token, lease)
VALUES ($1, $2, 0, FALSE, $3, {now} + $4)
ON CONFLICT (digest, account) DO UPDATE SET token = excluded.token, lease = excluded.lease
WHERE names.session = 0 AND (names.token IS NULL OR names.token = excluded.token)
RETURNING session, history`

	bindName = `
INSERT INTO names (account, digest, session, history) VALUES ($1, $2, $3, $4)
ON CONFLICT (digest, account)`
	// orRebindName makes a known name mean another session. It never clears history.
	orRebindName = ` DO UPDATE SET session = excluded.session, history = names.history OR excluded.history,
	token = NULL, lease = 0`
	ifUnbound = ` WHERE names.session IN (0, excluded.session)`

	markNameHistory = `
INSERT INTO names (account, digest, session, history) VALUES ($1, $2, 0, TRUE)
ON CONFLICT (digest, account) DO UPDATE SET history = TRUE`

	// A row that remembers a history stays when its claim ends.
	deleteClaim         = `DELETE FROM names WHERE account = $1 AND digest = $2 AND token = $3 AND session = 0 AND NOT history`
	clearClaim          = `UPDATE names SET token = NULL, lease = 0 WHERE account = $1 AND digest = $2 AND token = $3 AND session = 0`
	deleteExpiredClaims = `DELETE FROM names WHERE account = $1 AND ` + hasExpired + ` AND session = 0 AND NOT history`
	clearExpiredClaims  = `UPDATE names SET token = NULL, lease = 0 WHERE account = $1 AND ` + hasExpired
	extendClaimLeases   = `
UPDATE names SET lease = {now} + $3 WHERE account = $1 AND token {in_tokens} AND token IS NOT NULL
RETURNING token`
)

// Name returns what a name means. The zero Name means nothing.
func (s *Store) Name(ctx context.Context, k conversation.NameKey) (n conversation.Name, err error) {
	var found conversation.Name
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&found.Session, &found.History}, findName, s.account, nameDigest(k))
		return err
	})
	if err != nil {
		return n, err
	}
	return found, nil
}

// ClaimName claims a name that means nothing yet; see conversation.Store.
func (s *Store) ClaimName(
	ctx context.Context, k conversation.NameKey, token conversation.Token,
) (conversation.Name, bool, error) {
	var found conversation.Name
	var claimed bool
	digest := nameDigest(k)
	err := s.autocommit(ctx, func(ctx context.Context, c conn) (err error) {
		dest := []any{&found.Session, &found.History}
		claimed, err = queryRow(ctx, c, dest, claimName, s.account, digest, token[:], s.lease)
		if err != nil || claimed {
			return err
		}
		_, err = queryRow(ctx, c, dest, findName, s.account, digest)
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

// BindName makes a claimed name mean a session. It returns ErrTaken if the name means another
// session by now.
func (s *Store) BindName(ctx context.Context, b conversation.NameBinding, session int64) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		bound, err := c.exec(ctx, bindName+orRebindName+ifUnbound, s.account, nameDigest(b.Key), session, b.History)
		if err == nil && bound == 0 {
			return conversation.ErrTaken
		}
		return err
	})
}

// ReleaseName ends the claim of a name that still means nothing.
func (s *Store) ReleaseName(ctx context.Context, k conversation.NameKey, token conversation.Token) error {
	return s.execEach(ctx, []string{deleteClaim, clearClaim}, s.account, nameDigest(k), token[:])
}

// MarkNameHistory records that a name came with a history.
func (s *Store) MarkNameHistory(ctx context.Context, k conversation.NameKey) error {
	return s.execEach(ctx, []string{markNameHistory}, s.account, nameDigest(k))
}

// execEach runs statements with the same arguments, each in its own transaction.
func (s *Store) execEach(ctx context.Context, statements []string, args ...any) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		for _, statement := range statements {
			if _, err := c.exec(ctx, statement, args...); err != nil {
				return err
			}
		}
		return nil
	})
}
