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

// migrate brings a schema up to date. There are no down migrations. transact must run each
// step in a transaction, and one process at a time.
func migrate(ctx context.Context, kind string, transact func(context.Context, workFunc) error) error {
	names, err := fs.Glob(migrations, "migrations/"+kind+"/*.sql")
	if err != nil {
		return err
	}
	for done := false; !done; {
		err := transact(ctx, func(ctx context.Context, c conn) (err error) {
			done, err = migrateStep(ctx, c, names)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// migrateStep runs the next migration. done reports that there is none.
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

// newestSchema returns the number of the newest schema that this achuan knows.
func newestSchema() (int, error) {
	names, err := fs.Glob(migrations, "migrations/"+KindSQLite+"/*.sql")
	return len(names), err
}

// newerSchemaError returns the error for a database that a newer achuan has migrated.
func newerSchemaError(version, newest int) error {
	return fmt.Errorf("its schema %d is newer than %d, the newest that this achuan knows: run the newer achuan, or restore a backup from before it",
		version, newest)
}
