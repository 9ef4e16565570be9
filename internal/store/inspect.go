package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const (
	// minFreeBytes is how many bytes the disk must have for a store to be of use.
	minFreeBytes = 1 << 20
	// pageCheckTimeout bounds a look at every page of a file. What a large file was not
	// asked in this time counts as well.
	pageCheckTimeout = 5 * time.Second
)

func inspectSQLite(ctx context.Context, path string, c *Condition) error {
	switch info, err := os.Stat(path); {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return requireCreatable(filepath.Dir(path))
	case err == nil && info.Size() == 0:
		if wasEmptied(path) {
			return errEmptied
		}
		return requireDiskSpace(filepath.Dir(path))
	}
	db, err := openUnlocked(path, "rw")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // what was written is committed by then
	if c.Schema, err = readSchema(ctx, db); err != nil {
		return err
	}
	c.Exists = true
	if err := checkPages(ctx, db); err != nil {
		return err
	}
	if err := tryCommit(ctx, db); err != nil {
		return err
	}
	return requireDiskSpace(filepath.Dir(path))
}

// tryCommit commits a change that nobody reads, in any schema: a write that is taken
// back, or that changes nothing, meets no full disk.
func tryCommit(ctx context.Context, db *sql.DB) error {
	var version int32
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
	return err
}

// checkPages looks at every page, as far as time allows.
func checkPages(ctx context.Context, db *sql.DB) error {
	limited, cancel := context.WithTimeout(ctx, pageCheckTimeout)
	defer cancel()
	var found string
	err := db.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&found)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return nil
	case err != nil:
		return err
	case found != "ok":
		return fmt.Errorf(brokenFormat, found)
	}
	return nil
}

// requireDiskSpace tells whether a folder takes a file of some size, to the disk.
func requireDiskSpace(folder string) error {
	f, err := os.CreateTemp(folder, ".achuan-*")
	if err != nil {
		return fmt.Errorf("nothing can be written to its folder: %w", err)
	}
	_, err = f.Write(make([]byte, minFreeBytes))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("its folder takes no %d KiB more: %w", minFreeBytes>>10, err)
	}
	return nil
}

// errEmptied says that what the store held is gone.
var errEmptied = errors.New("an empty file stands where the store was: restore a backup, or delete the file to begin anew")

// wasEmptied reports whether an empty file stands where a store was: the store's lock
// file, or the note of its last backup, is still there.
func wasEmptied(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 || hasLog(path) {
		return false
	}
	for _, suffix := range []string{".lock", ".backup.json"} {
		if _, err := os.Stat(path + suffix); err == nil {
			return true
		}
	}
	return false
}

// WasEmptied reports whether an empty file stands where a SQLite store was, so that a
// new one, which knows no session, will be made there.
func WasEmptied(database string) bool {
	path, err := File(database)
	return err == nil && wasEmptied(path)
}
