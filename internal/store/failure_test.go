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
)

// plain fails the test unless err is one that says that the store is not to be had.
func plain(t testing.TB, err error) {
	t.Helper()
	switch err {
	case nil, conversation.ErrNotHeld, conversation.ErrTaken, conversation.ErrUnknown, conversation.ErrKeyReused:
		t.Fatalf("error %v of a store that is not to be had", err)
	}
}

func TestFullDisk(t *testing.T) {
	s := sqliteWorld("sqlite:" + filepath.Join(t.TempDir(), "achuan.db")).open(t)
	ctx := t.Context()
	put(t, s, sample(1, "h"))
	pages := func(limit int) {
		t.Helper()
		db := s.db.(*sqlite)
		check(t, db.writer.do(ctx, func(ctx context.Context, c conn) error {
			return c.script(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", limit))
		}))
	}
	pages(1) // as many as there are
	big := asked(1, "r", "")
	big.Whole, big.Answer = true, make([]byte, 1<<20)
	plain(t, s.SaveTurn(ctx, big))
	_, err := s.Turn(ctx, token(1))
	wantErr(t, err, conversation.ErrUnknown)

	// What needs no room goes on beside what needs some.
	crowd(ctx, 40, func(ctx context.Context, i int) {
		if i%2 == 0 {
			big := big
			big.Token = token(i)
			if err := s.SaveTurn(ctx, big); err == nil {
				t.Error("a turn was stored on a full disk")
			}
		} else if err := s.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
	found, _, err := s.Match(ctx, claim("h", 7))
	if found == nil || err != nil {
		t.Fatalf("%v, %v", found, err)
	}
	pages(1 << 20)
	check(t, s.SaveTurn(ctx, big))
	must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1)))
}

func TestAnErrorIsItsCallersAlone(t *testing.T) {
	s := sqliteWorld("sqlite::memory:").open(t)
	put(t, s, sample(1000, "h"))
	crowd(t.Context(), 100, func(ctx context.Context, i int) {
		if i%2 == 0 {
			if err := s.Create(ctx, sample(1000, "h"), taking(i)); err != conversation.ErrTaken {
				t.Error(err)
			}
		} else if err := s.Create(ctx, sample(int64(i), "h"), taking(i)); err != nil {
			t.Error(err)
		}
	})
	same(t, must[map[conversation.State]int](t)(s.Counts(t.Context())), map[conversation.State]int{
		conversation.StateFree: 1, conversation.StateTaken: 50,
	})
}

func TestCallerThatGivesUpIsNotWaitedFor(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		plain(t, s.Create(ctx, sample(1, "h"), taking(1)))
		_, err := s.Session(t.Context(), conversation.Everyone(), 1)
		wantErr(t, err, conversation.ErrUnknown)
	})
}

// through returns the world as it is seen through a proxy, and the proxy.
func (w world) through(t testing.TB) (world, *proxy) {
	t.Helper()
	u, err := url.Parse(w.url)
	check(t, err)
	p := newProxy(t, u.Host)
	u.Host = p.listener.Addr().String()
	w.url = u.String()
	return w, p
}

func TestLostServer(t *testing.T) {
	w, proxy := postgresWorld(t).through(t)
	s := w.open(t)
	put(t, s, sample(1, "h"))
	s.timeout = time.Second / 2
	s.gate.slow = s.timeout / 5
	for name, fail := range map[string]func(){"gone": proxy.cut, "silent": proxy.hold} {
		fail()
		begun := time.Now()
		for range 3 {
			_, _, err := s.Match(t.Context(), claim("h", 1))
			plain(t, err)
			plain(t, s.Save(t.Context(), conversation.Commit{Token: token(1), Session: sample(1, "h")}))
			plain(t, s.Ping(t.Context()))
		}
		// One call waits for the limit; the others know that the database hangs.
		if took := time.Since(begun); took > 4*s.timeout {
			t.Errorf("%s: nine calls took %v, want less than %v", name, took, 4*s.timeout)
		}
		proxy.heal()
		eventually(t, func() bool { return s.Ping(t.Context()) == nil })
		same(t, session(t, s, 1).ID, int64(1))
	}
}

func TestTerminatedConnections(t *testing.T) {
	w := postgresWorld(t)
	u, err := url.Parse(w.url)
	check(t, err)
	schema := u.Query().Get("search_path")
	w.url += "&application_name=" + schema
	s := w.open(t)
	put(t, s, sample(1, "h"))
	terminate := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + schema + "'"

	// The server goes away in the middle of a transaction: nothing of it is there.
	err = s.write(t.Context(), func(ctx context.Context, c conn) error {
		if _, err := c.exec(ctx, moveEpoch); err != nil {
			return err
		}
		admin(t, terminate)
		_, err := c.exec(ctx, moveEpoch)
		return err
	})
	plain(t, err)
	eventually(t, func() bool { return s.Ping(t.Context()) == nil })
	same(t, session(t, s, 1), sample(1, "h"))

	// Another start of the server is noticed before a connection is used.
	admin(t, "UPDATE "+schema+".meta SET server = 'an earlier start'; "+terminate)
	eventually(t, func() bool { return s.Ping(t.Context()) == nil })
	found, _, err := s.Match(t.Context(), claim("h", 1))
	check(t, err)
	if found != nil {
		t.Fatalf("Match = %+v, want none: its server may have lost a taking", found)
	}
	w.pass(t, conversation.MaxTurn)
	found, _, err = s.Match(t.Context(), claim("h", 1))
	check(t, err)
	if found.Verified || found.SettingsKnown {
		t.Error("a head outlived its server and is verified")
	}
	found.Verified = true
	check(t, s.Save(t.Context(), conversation.Commit{Token: token(1), Session: *found}))
	if !session(t, w.open(t), 1).Verified {
		t.Error("a head that was just written is not verified")
	}
}

func TestMarkUnverifiedReachesReplicas(t *testing.T) {
	w := postgresWorld(t)
	s, other := w.open(t), w.open(t)
	put(t, s, sample(1, "h"))
	check(t, other.MarkUnverified(t.Context()))
	if session(t, s, 1).Verified {
		t.Error("a restored store is verified")
	}
}

// Commits do not copy the log into the database; it is done all the same.
func TestLogIsCopiedBesideTheWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + path).open(t)
	size := func(name string) int64 {
		info, err := os.Stat(name)
		check(t, err)
		return info.Size()
	}
	turn := asked(1, "r", "")
	turn.Whole, turn.Answer = true, make([]byte, 2*logWanted)
	check(t, s.SaveTurn(t.Context(), turn))
	eventually(t, func() bool { return size(path) > logWanted })
	same(t, len(must[*conversation.StoredTurn](t)(s.Turn(t.Context(), token(1))).Answer), 2*logWanted)
}

// Ping notices that the file is not at its path any more.
func TestPingNoticesAFileThatIsGone(t *testing.T) {
	for name, do := range map[string]func(path string) error{
		"deleted": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
	} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		s := sqliteWorld("sqlite:" + path).open(t)
		check(t, s.Ping(t.Context()))
		check(t, do(path))
		if err := s.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "while it was in use") {
			t.Errorf("%s: Ping = %v, want that its file is gone", name, err)
		}
	}
}

// A requester who has left by the time that the writer comes to his work gets nothing done.
func TestWriterDropsWorkOfWhoHasLeft(t *testing.T) {
	s := sqliteWorld("sqlite::memory:").open(t)
	put(t, s, sample(1, "h"))
	db := s.db.(*sqlite)
	begun, gate := make(chan struct{}), make(chan struct{})
	crowd(t.Context(), 2, func(ctx context.Context, i int) {
		if i == 0 {
			check(t, db.writer.do(ctx, func(context.Context, conn) error { close(begun); <-gate; return nil }))
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
			group = append(group, &job{ctx: ctx, done: make(chan struct{}), f: func(ctx context.Context, c conn) error {
				_, err := c.exec(ctx, "UPDATE sessions SET turns = turns + 10")
				return err
			}})
		}
		close(gate)
		for _, j := range group {
			db.writer.jobs <- j
		}
		for _, j := range group {
			<-j.done
		}
		if group[0].err != nil || !errors.Is(group[1].err, context.Canceled) {
			t.Errorf("errors %v, %v, want none and that its requester has left", group[0].err, group[1].err)
		}
	})
	same(t, session(t, s, 1).Turns, sample(1, "h").Turns+10)
}
