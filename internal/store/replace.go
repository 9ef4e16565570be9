package store

import (
	"context"
	"fmt"

	"achuan/internal/conversation"
)

const (
	endSession = `UPDATE sessions SET state = $4, head = NULL, token = NULL, lease = 0` + held
	passNames  = `UPDATE names SET session = $3 WHERE account = $1 AND session = $2`

	// Aliases never lead to aliases: what meant the old session means the next one.
	passAliases = `UPDATE aliases SET session = $3 WHERE account = $1 AND session = $2`
	dropAlias   = `DELETE FROM aliases WHERE account = $1 AND id = $2`
	addAlias    = `
INSERT INTO aliases (account, id, session) VALUES ($1, $2, $3)
ON CONFLICT (id, account) DO UPDATE SET session = excluded.session`
)

// Replace lets next take the place of old.
func (s *Store) Replace(
	ctx context.Context, old int64, token conversation.Token, state conversation.State, next int64, alias bool,
) error {
	if state != conversation.StateLost && state != conversation.StateRetired {
		return fmt.Errorf("session %d cannot be replaced and %q", old, state)
	}
	return s.write(ctx, func(ctx context.Context, c conn) error {
		if err := mustHold(c.exec(ctx, endSession, s.account, old, token[:], string(state))); err != nil {
			return err
		}
		if _, err := c.exec(ctx, passNames, s.account, old, next); err != nil || !alias {
			return err
		}
		// A session that is in use means itself.
		if _, err := c.exec(ctx, dropAlias, s.account, next); err != nil {
			return err
		}
		if _, err := c.exec(ctx, passAliases, s.account, old, next); err != nil {
			return err
		}
		_, err := c.exec(ctx, addAlias, s.account, old, next)
		return err
	})
}
