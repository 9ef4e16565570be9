package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// A reader makes no commit wait, however long the log is. Without readers, a long log starts again.
func TestCheckpointNeverWaitsForAReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	putSession(t, s, sampleSession(1, "h"))
	reading, err := openUnlocked(path, "ro")
	requireNoError(t, err)
	defer reading.Close() //nolint:errcheck // it is only read
	transaction, err := reading.BeginTx(t.Context(), nil)
	requireNoError(t, err)
	read := func() (heads int) {
		requireNoError(t, transaction.QueryRowContext(t.Context(), "SELECT count(*) FROM heads").Scan(&heads))
		return heads
	}
	requireEqual(t, read(), 1)

	turn := newTurn(1, "r", "")
	turn.Whole, turn.Answer = true, make([]byte, 2*maxLogSize/16)
	for n := range 10 {
		turn.Token = tokenOf(n)
		requireNoError(t, s.SaveTurn(t.Context(), turn))
	}
	file := s.backend.(*sqlite) //nolint:forcetypeassert // the test opened a file
	copied := make(chan struct{})
	runConcurrently(t.Context(), 2, func(ctx context.Context, i int) {
		if i == 0 {
			defer close(copied)
			requireNoError(t, checkpoint(file.conns[len(file.conns)-1], path+"-wal", file.writer))
			return
		}
		for isCopied := false; !isCopied; {
			select {
			case <-copied:
				isCopied = true
			default:
			}
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			requireNoError(t, s.Ping(ctx))
			cancel()
		}
	})
	requireEqual(t, read(), 1)

	requireNoError(t, transaction.Rollback())
	requireNoError(t, checkpoint(file.conns[len(file.conns)-1], path+"-wal", file.writer))
	requireNoError(t, s.Ping(t.Context()))
	var busy, frames, done int
	requireNoError(t, file.writer.runBetween(func(c *sqliteConn) error {
		_, err := queryRow(t.Context(), c, []any{&busy, &frames, &done}, passiveCheckpoint)
		return err
	}))
	if frames > 10 {
		t.Errorf("pages in the log = %d, want at most 10: it was copied, and nobody reads it", frames)
	}
}
