package store

import (
	"context"
	"fmt"
	"os"
)

// schemaWithBoot is the first schema with the column meta.boot.
const schemaWithBoot = 2

const (
	readClean  = `SELECT clean FROM meta`
	markClosed = `UPDATE meta SET clean = 1`
	markInUse  = `UPDATE meta SET clean = 0`
	recordBoot = `UPDATE meta SET boot = $1`
	// clearBoot makes Open assume that the file has lost its last commits.
	clearBoot = `UPDATE meta SET boot = ''`
	// On the same boot a process that was killed has lost no commit.
	isSameBoot   = `SELECT boot = $1 AND boot <> '' FROM meta`
	advanceEpoch = `UPDATE meta SET epoch = epoch + 1`

	// The turns and claims of the process before are over. The content of the sessions that
	// it had taken is unknown.
	expireAllSessions   = `UPDATE sessions SET` + setExpired + ` WHERE token IS NOT NULL`
	deleteRunningTurns  = `DELETE FROM turns WHERE NOT whole`
	deleteUnboundClaims = `DELETE FROM names WHERE token IS NOT NULL AND session = 0 AND NOT history`
	clearAllClaims      = `UPDATE names SET token = NULL, lease = 0 WHERE token IS NOT NULL`
)

// prepareSQLite brings the schema up to date, ends what the process before left behind, and
// marks the file as in use. The mark is flushed to the disk. Later commits do not wait for
// the disk.
func prepareSQLite(ctx context.Context, c *sqliteConn, path string) error {
	transact := func(ctx context.Context, f workFunc) error { return (&writer{conn: c}).runSingle(f) }
	if err := migrate(ctx, KindSQLite, transact); err != nil {
		return err
	}
	wasClosed := true
	if _, err := queryRow(ctx, c, []any{&wasClosed}, readClean); err != nil {
		return err
	}
	check := requireIntact
	if wasClosed {
		check = requireFullLength
	}
	if err := check(ctx, c, path); err != nil {
		return err
	}
	boot := bootID(path)
	err := transact(ctx, func(ctx context.Context, c conn) error {
		statements := []string{markInUse, expireAllSessions, deleteRunningTurns, deleteUnboundClaims, clearAllClaims}
		if !wasClosed {
			var sameBoot bool
			if _, err := queryRow(ctx, c, []any{&sameBoot}, isSameBoot, boot); err != nil {
				return err
			}
			// After a power cut, and in a copy, the last commits may be missing.
			advance := advanceEpochAfterLoss
			if sameBoot {
				advance = advanceEpoch
			}
			statements = append(statements, advance)
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

// requireIntact checks every page of a file that was not closed.
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

// requireFullLength checks the length of a file that was closed, and so has no log. SQLite
// would notice a missing page only when it reads that page.
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

// hasLog reports whether the write-ahead log holds a part of the database.
func hasLog(path string) bool {
	info, err := os.Stat(path + "-wal")
	return err == nil && info.Size() > 0
}

// flushAndMarkClosed flushes every commit to the disk and records that the file holds them.
// The record is the last one in the log, so that it reaches the disk with the others.
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
