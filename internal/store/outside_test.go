package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// A snapshot is whole while sessions are made and changed, and holds all that was
// committed before it began.
func TestSnapshotUnderLoad(t *testing.T) {
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "achuan.db")
	s := sqliteWorld(url).open(t)
	fill(t, s)
	ctx, stop := context.WithCancel(t.Context())
	written, begun := make(chan int64), make(chan struct{})
	go func() {
		id := int64(100)
		for ; ctx.Err() == nil; id++ {
			if id == 150 {
				close(begun)
			}
			n := sample(id, "load")
			n.Head = conversation.Hash{}
			if err := s.Create(ctx, n, taking(int(id))); err != nil && ctx.Err() == nil {
				t.Errorf("while a snapshot is made: %v", err)
			}
		}
		written <- id
	}()
	<-begun
	to := filepath.Join(folder, "snapshot")
	schema, err := Snapshot(t.Context(), url, to)
	check(t, err)
	same(t, schema, newestInTests)
	stop()
	last := <-written
	if _, err := Snapshot(t.Context(), url, to); !errors.Is(err, os.ErrExist) {
		t.Errorf("a file was overwritten: %v", err)
	}
	restored := "sqlite:" + filepath.Join(folder, "restored.db")
	_, err = Replace(t.Context(), restored, to, false)
	check(t, err)
	w := sqliteWorld(restored)
	r := w.open(t)
	for id := int64(100); id < 150; id++ {
		session(t, r, id)
	}
	wantDoubted(t, w, r)
	if _, err := r.Session(t.Context(), conversation.Everyone(), last+1); !errors.Is(err, conversation.ErrUnknown) {
		t.Errorf("a session that was never made: %v", err)
	}
}

// What was closed in order is believed, but not what was put in its place.
func TestReplacedStoreIsUnverified(t *testing.T) {
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "achuan.db")
	s := sqliteWorld(url).open(t)
	fill(t, s)
	snapshot := filepath.Join(folder, "snapshot")
	if err := errors.Join(second(Snapshot(t.Context(), url, snapshot))); err != nil {
		t.Fatal(err)
	}
	if _, err := Replace(t.Context(), url, snapshot, true); !errors.Is(err, errLocked) {
		t.Fatalf("a store in use was replaced: %v", err)
	}
	put(t, s, sample(7, "after the snapshot"))
	check(t, s.Close())
	if _, err := Replace(t.Context(), url, snapshot, false); !errors.Is(err, ErrExists) {
		t.Fatalf("a store was replaced unasked: %v", err)
	}
	old, err := Replace(t.Context(), url, snapshot, true)
	check(t, err)
	w := sqliteWorld(url)
	r := w.open(t)
	wantDoubted(t, w, r)
	_, err = r.Session(t.Context(), conversation.Everyone(), 7)
	wantErr(t, err, conversation.ErrUnknown)
	aside := sqliteWorld("sqlite:" + old).open(t)
	same(t, session(t, aside, 7).Verified, true)
}

// second is the error of two results.
func second[T any](_ T, err error) error { return err }

func TestReplaceRefuses(t *testing.T) {
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "achuan.db")
	for name, c := range map[string]struct{ content, want string }{
		"no database":    {strings.Repeat("no database ", 1000), "no SQLite database"},
		"something else": {"", "no store of achuan's"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			check(t, os.WriteFile(file, []byte(c.content), 0o600))
			_, err := Replace(t.Context(), url, file, false)
			wantText(t, err, c.want)
		})
	}
	t.Run("a later achuan's", func(t *testing.T) {
		_, err := Replace(t.Context(), url, ofSchema(t, 99), false)
		wantText(t, err, "schema 99 is newer than 2")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		_, err := Replace(t.Context(), "postgres://host/name", "file", false)
		wantErr(t, err, ErrPostgres)
	})
	if _, err := os.Stat(filepath.Join(folder, "achuan.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was put there: %v", err)
	}
}

func wantText(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one with %q", err, want)
	}
}

// ofSchema makes a store that says to be of a schema.
func ofSchema(t *testing.T, version int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "achuan.db")
	s, err := Open(t.Context(), Options{URL: "sqlite:" + path, Account: testAccount})
	check(t, err)
	check(t, s.step(t.Context(), func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, updateSchema, version)
		return err
	}))
	check(t, s.Close())
	return path
}

func TestInspect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, []byte(strings.Repeat("text ", 1000)), 0o600))
	for name, c := range map[string]struct {
		url   func(t *testing.T) string
		want  Condition
		error string
	}{
		"in memory": {func(*testing.T) string { return "sqlite::memory:" }, Condition{Kind: KindSQLite, Newest: newestInTests}, ""},
		"not yet": {func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "a", "b", "achuan.db") },
			Condition{Kind: KindSQLite, Newest: newestInTests}, ""},
		"never": {func(*testing.T) string { return "sqlite:" + filepath.Join(file, "achuan.db") }, Condition{}, "is no folder"},
		"there": {func(t *testing.T) string { return "sqlite:" + ofSchema(t, newestInTests) },
			Condition{Kind: KindSQLite, Exists: true, Schema: newestInTests, Newest: newestInTests}, ""},
		"a later achuan's": {func(t *testing.T) string { return "sqlite:" + ofSchema(t, 3) }, Condition{}, "schema 3 is newer than 2"},
		"no database":      {func(*testing.T) string { return "sqlite:" + file }, Condition{}, "no SQLite database"},
		"PostgreSQL, not yet": {func(t *testing.T) string { return postgresWorld(t).url },
			Condition{Kind: KindPostgres, Newest: newestInTests}, ""},
		"PostgreSQL": {func(t *testing.T) string { w := postgresWorld(t); w.open(t); return w.url },
			Condition{Kind: KindPostgres, Exists: true, Schema: newestInTests, Newest: newestInTests}, ""},
		"PostgreSQL away": {func(*testing.T) string { return "postgres://user:secret@127.0.0.1:1/name" }, Condition{}, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Inspect(t.Context(), Options{URL: c.url(t)})
			if c.error != "" {
				wantText(t, err, c.error)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("the error shows a password: %v", err)
				}
				return
			}
			check(t, err)
			same(t, got, c.want)
		})
	}
}

// Looking changes nothing, also while a server is at work.
func TestInspectBesideAServer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + path).open(t)
	put(t, s, sample(1, "head"))
	got, err := Inspect(t.Context(), Options{URL: "sqlite:" + path})
	check(t, err)
	same(t, got, Condition{Kind: KindSQLite, Exists: true, Schema: newestInTests, Newest: newestInTests})
	put(t, s, sample(2, "next"))
	same(t, session(t, s, 1).Verified, true)
}

func TestMarkUnverifiedFromOutside(t *testing.T) {
	w := postgresWorld(t)
	s := w.open(t)
	put(t, s, sample(1, "head"))
	check(t, MarkUnverified(t.Context(), Options{URL: w.url, Timeout: 10 * time.Second}))
	if session(t, s, 1).Verified {
		t.Error("the head is verified still")
	}
}
