package store

import (
	"context"
	"errors"
	"fmt"
	"os"

	driver "modernc.org/sqlite"
)

// Result codes of SQLite that people can do something about.
const (
	codeReadOnly = 8
	codeCorrupt  = 11
	codeCantOpen = 14
	codeNotADB   = 26
)

// explain says in words what SQLite says in codes.
func explain(err error) error {
	coded, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	switch coded.Code() & 0xff {
	case codeReadOnly:
		return fmt.Errorf("it can be read but not written: %w", err)
	case codeNotADB, codeCorrupt:
		return fmt.Errorf("it is no SQLite database, or a broken one: restore a backup, or move it away to begin anew: %w", err)
	case codeCantOpen:
		return fmt.Errorf("it cannot be opened: %w", err)
	}
	return err
}

// schemaWithBoot is the first schema in which meta has a boot.
const schemaWithBoot = 2

const (
	readClean  = `SELECT clean FROM meta`
	markClosed = `UPDATE meta SET clean = 1`
	markInUse  = `UPDATE meta SET clean = 0`
	recordBoot = `UPDATE meta SET boot = $1`
	// clearBoot makes whoever opens the file take it for one that lost its last commits.
	clearBoot = `UPDATE meta SET boot = ''`
	// A process that was killed has lost no commit: its turns are those that are taken.
	isSameBoot   = `SELECT boot = $1 AND boot <> '' FROM meta`
	advanceEpoch = `UPDATE meta SET epoch = epoch + 1`

	// What a process that is gone had in hand: its turns and claims are over, and its
	// sessions' content is not known.
	expireAllSessions   = `UPDATE sessions SET` + setExpired + ` WHERE token IS NOT NULL`
	deleteRunningTurns  = `DELETE FROM turns WHERE NOT whole`
	deleteUnboundClaims = `DELETE FROM names WHERE token IS NOT NULL AND session = 0 AND NOT history`
	clearAllClaims      = `UPDATE names SET token = NULL, lease = 0 WHERE token IS NOT NULL`
)

// prepareSQLite brings the schema up to date, settles what the process before left behind
// and marks the file as in use. That mark is flushed to the disk before anything
// depends on it; from then on a commit waits for no disk.
func prepareSQLite(ctx context.Context, c *sqliteConn, path string) error {
	alone := func(ctx context.Context, f workFunc) error { return (&writer{conn: c}).runSingle(f) }
	if err := migrate(ctx, KindSQLite, alone); err != nil {
		return err
	}
	clean := true
	if _, err := queryRow(ctx, c, []any{&clean}, readClean); err != nil {
		return err
	}
	look := requireIntact
	if clean {
		look = requireFullLength
	}
	if err := look(ctx, c, path); err != nil {
		return err
	}
	boot := bootID(path)
	err := alone(ctx, func(ctx context.Context, c conn) error {
		statements := []string{markInUse, expireAllSessions, deleteRunningTurns, deleteUnboundClaims, clearAllClaims}
		if !clean {
			var sameBoot bool
			if _, err := queryRow(ctx, c, []any{&sameBoot}, isSameBoot, boot); err != nil {
				return err
			}
			// After a power cut, or in a copy, the last commits are missing.
			move := advanceEpochAfterLoss
			if sameBoot {
				move = advanceEpoch
			}
			statements = append(statements, move)
		}
		for _, statement := range statements {
			if _, err := c.exec(ctx, statement); err != nil {
				return err
			}
		}
		_, err := c.exec(ctx, recordBoot, boot)
		return err
	})
	if err != nil {
		return err
	}
	return c.execScript(ctx, "PRAGMA synchronous = NORMAL")
}

const brokenFormat = "it is broken (%v): restore a backup, or move it away to begin anew"

// requireIntact looks at every page of a file that was not closed in order.
func requireIntact(ctx context.Context, c *sqliteConn, _ string) error {
	var found string
	if _, err := queryRow(ctx, c, []any{&found}, "PRAGMA quick_check(1)"); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf(brokenFormat, found)
	}
	return nil
}

// requireFullLength looks whether a file that was closed in order, so that all of it is in the
// one file, is as long as it was. SQLite itself finds out when it needs what is gone.
func requireFullLength(ctx context.Context, c *sqliteConn, path string) error {
	if path == memoryPath {
		return nil
	}
	var pages, size int64
	if _, err := queryRow(ctx, c, []any{&pages}, "PRAGMA page_count"); err != nil {
		return err
	}
	if _, err := queryRow(ctx, c, []any{&size}, "PRAGMA page_size"); err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !hasLog(path) && info.Size() < pages*size:
		return fmt.Errorf(brokenFormat, "its end is missing")
	}
	return nil
}

// hasLog tells whether part of the database is in the log still.
func hasLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}

// flushAndMarkClosed records that the file holds all that was committed, after that is on the
// disk: the mark comes last in the log, and the log is flushed with it.
func flushAndMarkClosed(c *sqliteConn) error {
	ctx := context.Background()
	if err := c.execScript(ctx, "PRAGMA synchronous = FULL"); err != nil {
		return err
	}
	if err := (&writer{conn: c}).runSingle(func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, markClosed)
		return err
	}); err != nil {
		return err
	}
	return c.execScript(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
}

// Backup writes the whole of a SQLite store to a new file, while it is in use. What
// is opened from that file is unverified, because it was not closed. PostgreSQL has
// tools of its own.
func (d *DB) Backup(ctx context.Context, path string) error {
	db, ok := d.backend.(*sqlite)
	if !ok || db.lock == nil {
		return errors.New("only a SQLite file is backed up by achuan; for PostgreSQL there is pg_dump")
	}
	// SQLite fills an empty file, and lets nobody else read it if we did not.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("the backup's file: %w", err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	c, err := db.connect(ctx, nil, "")
	if err != nil {
		return err
	}
	defer c.db.Close() //nolint:errcheck // what it wrote is complete or an error by then
	_, err = c.db.ExecContext(ctx, "VACUUM INTO ?", path)
	return explain(err)
}
