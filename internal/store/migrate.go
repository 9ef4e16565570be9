package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations
var migrations embed.FS

const (
	createSchemaTable   = `CREATE TABLE IF NOT EXISTS achuan_schema (version INTEGER NOT NULL)`
	readSchemaVersion   = `SELECT version FROM achuan_schema`
	insertSchemaVersion = `INSERT INTO achuan_schema (version) VALUES ($1)`
	updateSchemaVersion = `UPDATE achuan_schema SET version = $1`
)

// migrate brings a schema up to date, forward only and one step to a transaction,
// which write runs. Of several that do so at once, write must let one in at a time.
func migrate(ctx context.Context, kind string, write func(context.Context, workFunc) error) error {
	names, err := fs.Glob(migrations, "migrations/"+kind+"/*.sql")
	if err != nil {
		return err
	}
	for done := false; !done; {
		err := write(ctx, func(ctx context.Context, c conn) (err error) {
			done, err = migrateStep(ctx, c, names)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// migrateStep takes the next step, if there is one.
func migrateStep(ctx context.Context, c conn, names []string) (done bool, err error) {
	if err := c.execScript(ctx, createSchemaTable); err != nil {
		return false, err
	}
	var version int
	found, err := queryRow(ctx, c, []any{&version}, readSchemaVersion)
	switch {
	case err != nil:
		return false, err
	case version > len(names):
		return false, newerSchemaError(version, len(names))
	case version == len(names):
		return true, nil
	}
	script, err := migrations.ReadFile(names[version])
	if err != nil {
		return false, err
	}
	if err := c.execScript(ctx, string(script)); err != nil {
		return false, fmt.Errorf("migration %d: %w", version+1, err)
	}
	record := updateSchemaVersion
	if !found {
		record = insertSchemaVersion
	}
	_, err = c.exec(ctx, record, version+1)
	return false, err
}

// newerSchemaError is the error for a store of a later achuan.
func newerSchemaError(version, newest int) error {
	return fmt.Errorf("its schema %d is newer than %d, the newest that this achuan knows: run the newer achuan, or restore a backup from before it",
		version, newest)
}
