package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Snapshot writes a consistent copy of a SQLite database to a new file and returns its
// schema. A server may be running: with a write-ahead log, readers and the writer do not
// wait for each other. Sessions that the server has taken are taken in the copy.
func Snapshot(ctx context.Context, database, to string) (schema int, err error) {
	path, err := File(database)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(path); err != nil {
		return 0, fmt.Errorf("there is no store yet: %w", err)
	}
	if err := createEmpty(to); err != nil {
		return 0, fmt.Errorf("the snapshot's file: %w", err)
	}
	db, err := openUnlocked(path, "ro")
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // its work is complete or has failed by then
	if schema, err = readSchema(ctx, db); err != nil {
		return 0, fmt.Errorf("database %s: %w", redactURL(database), explain(err))
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return 0, fmt.Errorf("database %s: %w", redactURL(database), explain(err))
	}
	return schema, nil
}

// Backup writes a consistent copy of an open SQLite database to a new file. Whoever opens the
// copy finds everything unverified, because the copy was not closed.
func (d *DB) Backup(ctx context.Context, path string) error {
	file, ok := d.backend.(*sqlite)
	if !ok || file.lock == nil {
		return errors.New("only a SQLite file is backed up by achuan; for PostgreSQL there is pg_dump")
	}
	if err := createEmpty(path); err != nil {
		return fmt.Errorf("the backup's file: %w", err)
	}
	c, err := file.connect(ctx, nil, "")
	if err != nil {
		return err
	}
	defer c.db.Close() //nolint:errcheck // its work is complete or has failed by then
	_, err = c.db.ExecContext(ctx, "VACUUM INTO ?", path)
	return explain(err)
}

// createEmpty creates an empty file, which VACUUM INTO fills. SQLite would create a file that
// others can read.
func createEmpty(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// replacedSuffix is appended to the path of a database that another one replaced.
const replacedSuffix = ".replaced"

// ErrExists means that Replace found a database and must not replace it.
var ErrExists = errors.New("there is a store already")

// Replace moves a snapshot to the path of a SQLite database that no process uses. The
// snapshot must be in the same folder. Everything in it becomes unverified. If there is a
// database already, Replace returns ErrExists, or with force renames it and returns its new
// path.
func Replace(ctx context.Context, database, snapshot string, force bool) (old string, err error) {
	path, err := File(database)
	if err != nil {
		return "", err
	}
	lock, err := takeLock(path)
	if err != nil {
		return "", fmt.Errorf("database %s: %w", redactURL(database), err)
	}
	defer lock.Close() //nolint:errcheck // nothing was written to it
	_, err = os.Stat(path)
	exists := err == nil
	if exists && !force {
		return "", fmt.Errorf("database %s: %w", redactURL(database), ErrExists)
	}
	if err := markSnapshotUnverified(ctx, snapshot); err != nil {
		return "", fmt.Errorf("the snapshot: %w", explain(err))
	}
	if exists {
		old = path + replacedSuffix
		if err := moveAside(path, old); err != nil {
			return "", err
		}
	}
	if err := os.Rename(snapshot, path); err != nil {
		return old, err
	}
	return old, flushFolder(filepath.Dir(path))
}

// moveAside renames a database with its write-ahead log.
func moveAside(path, to string) error {
	for _, suffix := range []string{"-wal", "-shm", ""} {
		if err := os.Remove(to + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.Rename(path+suffix, to+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// markSnapshotUnverified checks a snapshot and marks it as not closed. Whoever opens it then
// expires what was taken and verifies every head.
func markSnapshotUnverified(ctx context.Context, path string) error {
	db, err := openUnlocked(path, "rw")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // its work is flushed or has failed by then
	schema, err := readSchema(ctx, db)
	if err != nil {
		return err
	}
	if newest, err := newestSchema(); err != nil || schema > newest {
		return errors.Join(err, newerSchemaError(schema, newest))
	}
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("it is broken (%s)", found)
	}
	forget := ""
	if schema >= schemaWithBoot {
		forget = clearBoot + "; "
	}
	_, err = db.ExecContext(ctx, "PRAGMA synchronous = FULL; BEGIN IMMEDIATE; "+markInUse+"; "+forget+"COMMIT")
	return err
}
