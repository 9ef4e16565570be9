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
	maxLogSize         = 64 << 20 // bytes: for a longer log the writer waits once, but never for a reader
)

// passiveCheckpoint copies what no reader needs any more, and waits for nobody. When it has copied
// the whole log, and nobody reads the log, the next commit starts it again.
const passiveCheckpoint = "PRAGMA wal_checkpoint(PASSIVE)"

// limitLog makes the file of the log short again when the log starts again.
const limitLog = "PRAGMA journal_size_limit = 4194304"

// runCheckpoints copies the log into the database every checkpointInterval, until the writer
// stops. An error only leaves the log longer until the next attempt.
func runCheckpoints(c *sqliteConn, log string, w *writer) {
	tick := time.NewTicker(checkpointInterval)
	defer tick.Stop()
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
			_ = checkpoint(c, log, w)
		}
	}
}

// checkpoint copies a long log into the database.
func checkpoint(c *sqliteConn, log string, w *writer) error {
	if info, err := os.Stat(log); err != nil || info.Size() < checkpointLogSize {
		return err
	}
	if err := c.execScript(context.Background(), passiveCheckpoint); err != nil {
		return err
	}
	if info, err := os.Stat(log); err != nil || info.Size() < maxLogSize {
		return err
	}
	// A writer that is always busy adds to the log while it is copied. The writer itself copies
	// the rest.
	return w.runBetween(func(c *sqliteConn) error { return c.execScript(context.Background(), passiveCheckpoint) })
}
