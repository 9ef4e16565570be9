package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/conversation"
)

// A snapshot is consistent while sessions are written, and holds every commit from before it
// began.
func TestSnapshotUnderLoad(t *testing.T) {
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "achuan.db")
	s := sqliteDatabase(url).open(t)
	fillStore(t, s)
	ctx, stop := context.WithCancel(t.Context())
	written, begun := make(chan int64), make(chan struct{})
	go func() {
		id := int64(100)
		for ; ctx.Err() == nil; id++ {
			if id == 150 {
				close(begun)
			}
			n := sampleSession(id, "load")
			n.Head = conversation.Hash{}
			if err := s.Create(ctx, n, newTaking(int(id))); err != nil && ctx.Err() == nil {
				t.Errorf("Create while a snapshot is written = %v, want nil", err)
			}
		}
		written <- id
	}()
	<-begun
	to := filepath.Join(folder, "snapshot")
	schema, err := Snapshot(t.Context(), url, to)
	requireNoError(t, err)
	requireEqual(t, schema, schemaInTests)
	stop()
	last := <-written
	if _, err := Snapshot(t.Context(), url, to); !errors.Is(err, os.ErrExist) {
		t.Errorf("Snapshot to an existing file = %v, want that it exists", err)
	}
	restored := "sqlite:" + filepath.Join(folder, "restored.db")
	_, err = Replace(t.Context(), restored, to, false)
	requireNoError(t, err)
	w := sqliteDatabase(restored)
	r := w.open(t)
	for id := int64(100); id < 150; id++ {
		readSession(t, r, id)
	}
	requireUnverified(t, w, r)
	if _, err := r.Session(t.Context(), conversation.Everyone(), last+1); !errors.Is(err, conversation.ErrUnknown) {
		t.Errorf("Session(%d), which was never created = %v, want %v", last+1, err, conversation.ErrUnknown)
	}
}

// A database that was closed is verified, but not one that Replace put in its place.
func TestReplacedStoreIsUnverified(t *testing.T) {
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "achuan.db")
	s := sqliteDatabase(url).open(t)
	fillStore(t, s)
	snapshot := filepath.Join(folder, "snapshot")
	if err := errors.Join(errorOf(Snapshot(t.Context(), url, snapshot))); err != nil {
		t.Fatal(err)
	}
	if _, err := Replace(t.Context(), url, snapshot, true); !errors.Is(err, errLocked) {
		t.Fatalf("Replace of a database in use = %v, want errLocked", err)
	}
	putSession(t, s, sampleSession(7, "after the snapshot"))
	requireNoError(t, s.Close())
	if _, err := Replace(t.Context(), url, snapshot, false); !errors.Is(err, ErrExists) {
		t.Fatalf("Replace without force = %v, want ErrExists", err)
	}
	old, err := Replace(t.Context(), url, snapshot, true)
	requireNoError(t, err)
	w := sqliteDatabase(url)
	r := w.open(t)
	requireUnverified(t, w, r)
	_, err = r.Session(t.Context(), conversation.Everyone(), 7)
	requireError(t, err, conversation.ErrUnknown)
	aside := sqliteDatabase("sqlite:" + old).open(t)
	requireEqual(t, readSession(t, aside, 7).Verified, true)
}

// errorOf returns the error of a call with two results.
func errorOf[T any](_ T, err error) error { return err }

func TestReplaceRefuses(t *testing.T) {
	folder := t.TempDir()
	url := "sqlite:" + filepath.Join(folder, "achuan.db")
	for name, c := range map[string]struct{ content, want string }{
		"no database":    {strings.Repeat("no database ", 1000), "no SQLite database"},
		"something else": {"", "it is not a database of achuan"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "file")
			requireNoError(t, os.WriteFile(file, []byte(c.content), 0o600))
			_, err := Replace(t.Context(), url, file, false)
			requireErrorText(t, err, c.want)
		})
	}
	t.Run("a later achuan's", func(t *testing.T) {
		_, err := Replace(t.Context(), url, fileOfSchema(t, 99), false)
		requireErrorText(t, err, "schema 99 is newer than 5")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		_, err := Replace(t.Context(), "postgres://host/name", "file", false)
		requireError(t, err, ErrPostgres)
	})
	if _, err := os.Stat(filepath.Join(folder, "achuan.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Stat after Replace failed = %v, want that the file does not exist", err)
	}
}

// fileOfSchema returns the path of a database that claims to have a schema.
func fileOfSchema(t *testing.T, version int) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "achuan.db")
	s, err := Open(t.Context(), Options{URL: "sqlite:" + path})
	requireNoError(t, err)
	requireNoError(t, s.autocommit(t.Context(), func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, updateSchemaVersion, version)
		return err
	}))
	requireNoError(t, s.Close())
	return path
}
