package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Snapshot writes the whole of a SQLite store, as it is at one moment, to a new file,
// and returns its schema. Its server may be at work: readers and the writer of a
// SQLite log do not wait for each other. What a server has in hand is in it as such.
func Snapshot(ctx context.Context, database, to string) (schema int, err error) {
	path, err := File(database)
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(path); err != nil {
		return 0, fmt.Errorf("there is no store yet: %w", err)
	}
	// SQLite fills an empty file, and lets nobody else read it if we did not.
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("the snapshot's file: %w", err)
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	db, err := openUnlocked(path, "ro")
	if err != nil {
		return 0, err
	}
	defer db.Close() //nolint:errcheck // what it wrote is complete or an error by then
	if schema, err = readSchema(ctx, db); err != nil {
		return 0, fmt.Errorf("database %s: %w", redactURL(database), explain(err))
	}
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return 0, fmt.Errorf("database %s: %w", redactURL(database), explain(err))
	}
	return schema, nil
}

// replacedSuffix is what a store's file is called after another took its place.
const replacedSuffix = ".replaced"

// ErrExists says that there is a store already.
var ErrExists = errors.New("there is a store already")

// Replace puts a snapshot in the place of a SQLite store that nobody uses; it moves
// the file, which must be in the same folder. Everything in it is unverified from then on. A store that is there
// already is ErrExists; with force it is moved aside, and old says where to.
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
	there := err == nil
	if there && !force {
		return "", fmt.Errorf("database %s: %w", redactURL(database), ErrExists)
	}
	if err := markSnapshotUnverified(ctx, snapshot); err != nil {
		return "", fmt.Errorf("the snapshot: %w", explain(err))
	}
	if there {
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

// moveAside renames a database with its log, which belongs to it.
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

// markSnapshotUnverified checks a snapshot, and marks it as one that was not closed in order, so
// that whoever opens it settles what was in hand and believes no head.
func markSnapshotUnverified(ctx context.Context, path string) error {
	db, err := openUnlocked(path, "rw")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what it wrote is flushed or an error by then
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
