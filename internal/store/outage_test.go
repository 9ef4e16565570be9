package store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/conversation"
	"achuan/internal/postgrestest"
)

// requirePlainError fails the test unless err means that the database is unavailable.
func requirePlainError(t testing.TB, err error) {
	t.Helper()
	switch err {
	case nil, conversation.ErrNotHeld, conversation.ErrTaken, conversation.ErrUnknown, conversation.ErrKeyReused:
		t.Fatalf("error = %v, want one that means that the database is unavailable", err)
	}
}

func TestFullDisk(t *testing.T) {
	s := sqliteDatabase("sqlite:" + filepath.Join(t.TempDir(), "achuan.db")).open(t)
	ctx := t.Context()
	putSession(t, s, sampleSession(1, "h"))
	pages := func(limit int) {
		t.Helper()
		db := s.backend.(*sqlite)
		requireNoError(t, db.writer.submit(ctx, func(ctx context.Context, c conn) error {
			return c.execScript(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", limit))
		}, false))
	}
	pages(1) // SQLite raises this to the present number
	big := newTurn(1, "r", "")
	big.Whole, big.Answer = true, make([]byte, 1<<20)
	requirePlainError(t, s.SaveTurn(ctx, big))
	_, err := s.Turn(ctx, tokenOf(1))
	requireError(t, err, conversation.ErrUnknown)

	// Work that needs no space succeeds in the same group as work that fails.
	runConcurrently(ctx, 40, func(ctx context.Context, i int) {
		if i%2 == 0 {
			big := big
			big.Token = tokenOf(i)
			if err := s.SaveTurn(ctx, big); err == nil {
				t.Error("SaveTurn on a full disk = nil, want an error")
			}
		} else if err := s.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
	found, _, err := s.Match(ctx, newHeadQuery("h", 7))
	if found == nil || err != nil {
		t.Fatalf("Match(h) = %v, %v, want the session", found, err)
	}
	pages(1 << 20)
	requireNoError(t, s.SaveTurn(ctx, big))
	must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1)))
}

func TestGroupedJobsHaveTheirOwnErrors(t *testing.T) {
	s := sqliteDatabase("sqlite::memory:").open(t)
	putSession(t, s, sampleSession(1000, "h"))
	runConcurrently(t.Context(), 100, func(ctx context.Context, i int) {
		if i%2 == 0 {
			if err := s.Create(ctx, sampleSession(1000, "h"), newTaking(i)); err != conversation.ErrTaken {
				t.Error(err)
			}
		} else if err := s.Create(ctx, sampleSession(int64(i), "h"), newTaking(i)); err != nil {
			t.Error(err)
		}
	})
	requireEqual(t, must[map[conversation.State]int](t)(s.Counts(t.Context())), map[conversation.State]int{
		conversation.StateFree: 1, conversation.StateTaken: 50,
	})
}

func TestCanceledCallReturnsAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		requirePlainError(t, s.Create(ctx, sampleSession(1, "h"), newTaking(1)))
		_, err := s.Session(t.Context(), conversation.Everyone(), 1)
		requireError(t, err, conversation.ErrUnknown)
	})
}

// throughProxy returns the database behind a proxy, and the proxy.
func (w testDatabase) throughProxy(t testing.TB) (testDatabase, *proxy) {
	t.Helper()
	u, err := url.Parse(w.url)
	requireNoError(t, err)
	p := newProxy(t, u.Host)
	u.Host = p.listener.Addr().String()
	w.url = u.String()
	return w, p
}

func TestLostServer(t *testing.T) {
	w, proxy := postgresDatabase(t).throughProxy(t)
	s := w.open(t)
	putSession(t, s, sampleSession(1, "h"))
	s.timeout = time.Second / 2
	s.breaker.slowCall = s.timeout / 5
	for name, fail := range map[string]func(){"gone": proxy.refuse, "stalled": proxy.stall} {
		fail()
		begun := time.Now()
		for range 3 {
			_, _, err := s.Match(t.Context(), newHeadQuery("h", 1))
			requirePlainError(t, err)
			requirePlainError(t, s.Save(t.Context(), conversation.Commit{Token: tokenOf(1), Session: sampleSession(1, "h")}))
			requirePlainError(t, s.Ping(t.Context()))
		}
		// One call waits for its timeout. The others fail at once.
		if took := time.Since(begun); took > 4*s.timeout {
			t.Errorf("%s: nine calls took %v, want less than %v", name, took, 4*s.timeout)
		}
		proxy.restore()
		eventually(t, func() bool { return s.Ping(t.Context()) == nil })
		requireEqual(t, readSession(t, s, 1).ID, int64(1))
	}
}

func TestTerminatedConnections(t *testing.T) {
	w := postgresDatabase(t)
	w.url += "&application_name=" + w.schema.Name
	s := w.open(t)
	putSession(t, s, sampleSession(1, "h"))
	terminate := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + w.schema.Name + "'"

	// A connection that ends within a transaction leaves nothing of it.
	err := s.transact(t.Context(), func(ctx context.Context, c conn) error {
		if _, err := c.exec(ctx, advanceEpochAfterLoss); err != nil {
			return err
		}
		postgrestest.Exec(t, w.schema.URL, terminate)
		_, err := c.exec(ctx, advanceEpochAfterLoss)
		return err
	})
	requirePlainError(t, err)
	eventually(t, func() bool { return s.Ping(t.Context()) == nil })
	requireEqual(t, readSession(t, s, 1), sampleSession(1, "h"))

	// The store notices a restarted server before it uses a new connection.
	postgrestest.Exec(t, w.schema.URL, "UPDATE meta SET server = 'an earlier start'; "+terminate)
	eventually(t, func() bool { return s.Ping(t.Context()) == nil })
	found, _, err := s.Match(t.Context(), newHeadQuery("h", 1))
	requireNoError(t, err)
	if found != nil {
		t.Fatalf("Match = %+v, want none: its server may have lost a taking", found)
	}
	w.advance(t, conversation.MaxTurn)
	found, _, err = s.Match(t.Context(), newHeadQuery("h", 1))
	requireNoError(t, err)
	if found.Verified || found.SettingsKnown {
		t.Error("Verified of a head from before the restart = true, want false")
	}
	found.Verified = true
	requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tokenOf(1), Session: *found}))
	if !readSession(t, w.open(t), 1).Verified {
		t.Error("Verified of a head that was just written = false, want true")
	}
}

func TestMarkUnverifiedReachesReplicas(t *testing.T) {
	w := postgresDatabase(t)
	s, other := w.open(t), w.open(t)
	putSession(t, s, sampleSession(1, "h"))
	requireNoError(t, other.MarkUnverified(t.Context()))
	if readSession(t, s, 1).Verified {
		t.Error("Verified after MarkUnverified = true, want false")
	}
}

// Checkpoints copy the log into the database, which commits do not.
func TestCheckpointsKeepTheLogShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	size := func(name string) int64 {
		info, err := os.Stat(name)
		requireNoError(t, err)
		return info.Size()
	}
	turn := newTurn(1, "r", "")
	turn.Whole, turn.Answer = true, make([]byte, 2*checkpointLogSize)
	requireNoError(t, s.SaveTurn(t.Context(), turn))
	eventually(t, func() bool { return size(path) > checkpointLogSize })
	requireEqual(t, len(must[*conversation.StoredTurn](t)(s.Turn(t.Context(), tokenOf(1))).Answer), 2*checkpointLogSize)
}

// Ping fails when the file is no longer at its path.
func TestPingNoticesAFileThatIsGone(t *testing.T) {
	for name, do := range map[string]func(path string) error{
		"deleted": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
	} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		s := sqliteDatabase("sqlite:" + path).open(t)
		requireNoError(t, s.Ping(t.Context()))
		requireNoError(t, do(path))
		if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "while it was in use") {
			t.Errorf("%s: Ping = %v, want that its file is gone", name, err)
		}
	}
}

// The writer skips a job whose caller has stopped waiting.
func TestWriterSkipsJobsOfCallersThatLeft(t *testing.T) {
	s := sqliteDatabase("sqlite::memory:").open(t)
	putSession(t, s, sampleSession(1, "h"))
	db := s.backend.(*sqlite)
	begun, gate := make(chan struct{}), make(chan struct{})
	runConcurrently(t.Context(), 2, func(ctx context.Context, i int) {
		if i == 0 {
			requireNoError(t, db.writer.submit(ctx, func(context.Context, conn) error {
				close(begun)
				<-gate
				return nil
			}, true))
			return
		}
		<-begun
		group := []*job{}
		for _, left := range []bool{false, true} {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			if left {
				cancel()
			}
			run := func(ctx context.Context, c conn) error {
				_, err := c.exec(ctx, "UPDATE sessions SET turns = turns + 10")
				return err
			}
			group = append(group, &job{ctx: ctx, done: make(chan struct{}), run: run})
		}
		close(gate)
		for _, j := range group {
			db.writer.jobs <- j
		}
		for _, j := range group {
			<-j.done
		}
		if group[0].err != nil || !errors.Is(group[1].err, context.Canceled) {
			t.Errorf("errors of the jobs = %v, %v, want nil and %v", group[0].err, group[1].err, context.Canceled)
		}
	})
	requireEqual(t, readSession(t, s, 1).Turns, sampleSession(1, "h").Turns+10)
}
