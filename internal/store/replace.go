package store

import (
	"context"

	"achuan/internal/conversation"
)

const (
	endReplaced = `
UPDATE sessions SET state = $4, head = NULL, token = NULL, lease = 0, taken_as = NULL,
	request = CASE WHEN turn = $3 THEN NULL ELSE request END
WHERE account = $1 AND id = $2 AND (token = $3 OR token IS NULL AND turn = $3 AND state IN ('free', 'dirty'))`
	moveNames = `UPDATE names SET session = $3 WHERE account = $1 AND session = $2`

	// No alias leads to an alias: ids that meant the old session now mean the new one.
	moveAliases = `UPDATE aliases SET session = $3 WHERE account = $1 AND session = $2`
	deleteAlias = `DELETE FROM aliases WHERE account = $1 AND id = $2`
	insertAlias = `
INSERT INTO aliases (account, id, session) VALUES ($1, $2, $3)
ON CONFLICT (id, account) DO UPDATE SET session = excluded.session`
)

// replaceSession makes the session of a commit replace another one that the same token
// holds, or held until its lease expired. Otherwise it does nothing.
func (s *Store) replaceSession(ctx context.Context, c conn, commit conversation.Commit) error {
	old, next := commit.Replaces.Old, commit.Session.ID
	ended, err := c.exec(ctx, endReplaced, s.account, old, commit.Token[:], string(commit.Replaces.State))
	if err != nil || ended == 0 {
		return err
	}
	if _, err := c.exec(ctx, moveNames, s.account, old, next); err != nil || !commit.Replaces.Alias {
		return err
	}
	// The id of a session in use is no alias.
	if _, err := c.exec(ctx, deleteAlias, s.account, next); err != nil {
		return err
	}
	if _, err := c.exec(ctx, moveAliases, s.account, old, next); err != nil {
		return err
	}
	_, err = c.exec(ctx, insertAlias, s.account, old, next)
	return err
}
