// Package store keeps what conversations need: sessions with their heads, names, aliases
// and stored turns. It also keeps the list of uploaded files, the index of blobs, and with
// PostgreSQL their bytes. A DB is an open SQLite or PostgreSQL database; DB.Account returns the
// Store of one account, which implements conversation.Store. Both databases pass one
// conformance suite: the tests that use eachStore.
//
// Each operation is written once, in statements that both databases understand. A backend
// runs the statements: SQLite has one writer that commits in groups, PostgreSQL has a pool
// of connections. Where the databases differ, a statement has a placeholder in braces,
// which a dialect replaces: see backend.go.
//
// This package holds no policy. Package conversation decides when a session is matched,
// replaced or deleted.
package store

import (
	"context"
	"fmt"

	"achuan/internal/conversation"
)

// Store is what a database holds for one account. The embedded methods of DB are those of
// the whole database.
type Store struct {
	*DB
	account int64 // the number of the account in every row
}

var _ conversation.Store = (*Store)(nil)

const (
	insertAccount = `INSERT INTO accounts (name) VALUES ($1) ON CONFLICT DO NOTHING`
	findAccount   = `SELECT id FROM accounts WHERE name = $1`
)

// Account returns the store of the account with a name: the platform's host and the user's
// id. It creates an account that does not exist.
func (d *DB) Account(ctx context.Context, name string) (*Store, error) {
	s := &Store{DB: d}
	err := d.transact(ctx, func(ctx context.Context, c conn) error {
		if _, err := c.exec(ctx, insertAccount, name); err != nil {
			return err
		}
		_, err := queryRow(ctx, c, []any{&s.account}, findAccount, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", d.url, err)
	}
	return s, nil
}
