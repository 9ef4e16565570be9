package store

import "context"

const readSecret = `SELECT secret FROM meta`

// Secret returns 32 random bytes that belong to the database, so that all its replicas check what one of
// them has signed.
func (d *DB) Secret(ctx context.Context) (secret []byte, err error) {
	err = d.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&secret}, readSecret)
		return err
	})
	return secret, err
}
