package store

import (
	"context"
	"os"
	"time"
)

// Checkpoints keep the write-ahead log short. SQLite would run them within a commit, and a turn
// would wait for the disk.
const (
	checkpointInterval = time.Second
	checkpointLogSize  = 4 << 20  // bytes: a longer log is copied into the database while the writer continues
	maxLogSize         = 64 << 20 // bytes: for a longer log the writer waits once
)

// runCheckpoints copies the log into the database every checkpointInterval, until quit is
// closed. An error only leaves the log longer until the next attempt.
func runCheckpoints(c *sqliteConn, log string, quit <-chan struct{}) {
	tick := time.NewTicker(checkpointInterval)
	defer tick.Stop()
	for {
		select {
		case <-quit:
			return
		case <-tick.C:
			_ = checkpoint(c, log)
		}
	}
}

// checkpoint copies a long log into the database.
func checkpoint(c *sqliteConn, log string) error {
	if info, err := os.Stat(log); err != nil || info.Size() < checkpointLogSize {
		return err
	}
	if err := c.execScript(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return err
	}
	// The writer starts the log again when all of it is copied and no connection reads it, which
	// never happens while the writer is always busy.
	if info, err := os.Stat(log); err != nil || info.Size() < maxLogSize {
		return err
	}
	return c.execScript(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
}
