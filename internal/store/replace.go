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

	// Aliases never lead to aliases: what meant the old session means the next one.
	moveAliases = `UPDATE aliases SET session = $3 WHERE account = $1 AND session = $2`
	deleteAlias = `DELETE FROM aliases WHERE account = $1 AND id = $2`
	insertAlias = `
INSERT INTO aliases (account, id, session) VALUES ($1, $2, $3)
ON CONFLICT (id, account) DO UPDATE SET session = excluded.session`
)

// replaceSession lets the session of a Save take the place of another that the same taking
// holds, or held until its lease expired.
func (s *Store) replaceSession(ctx context.Context, c conn, save conversation.Commit) error {
	old, next := save.Replaces.Old, save.Session.ID
	ended, err := c.exec(ctx, endReplaced, s.account, old, save.Token[:], string(save.Replaces.State))
	if err != nil || ended == 0 {
		return err
	}
	if _, err := c.exec(ctx, moveNames, s.account, old, next); err != nil || !save.Replaces.Alias {
		return err
	}
	// A session that is in use means itself.
	if _, err := c.exec(ctx, deleteAlias, s.account, next); err != nil {
		return err
	}
	if _, err := c.exec(ctx, moveAliases, s.account, old, next); err != nil {
		return err
	}
	_, err = c.exec(ctx, insertAlias, s.account, old, next)
	return err
}
