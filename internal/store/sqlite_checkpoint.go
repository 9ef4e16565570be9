package store

import (
	"context"
	"os"
	"time"
)

// How the log is kept short. SQLite would do it within a commit, which would then
// wait for the disk, and a turn with it.
const (
	checkpointInterval = time.Second
	checkpointLogSize  = 4 << 20  // bytes: a longer log is copied into the database beside the writer
	maxLogSize         = 64 << 20 // bytes: for a longer one the writer has to wait once
)

// runCheckpoints copies the log into the database from time to time, until quit is
// closed. What goes wrong is tried again the next time: the log is only longer.
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

func checkpoint(c *sqliteConn, log string) error {
	if info, err := os.Stat(log); err != nil || info.Size() < checkpointLogSize {
		return err
	}
	if err := c.execScript(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return err
	}
	// The writer begins the log anew when all of it was copied and nobody reads it.
	// That never comes to pass while it writes all the time.
	if info, err := os.Stat(log); err != nil || info.Size() < maxLogSize {
		return err
	}
	return c.execScript(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
}
