package store

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/conversation"
)

func TestOpenSaysWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		requireNoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	closedPort := closedListener(t).Addr().String()
	tests := map[string]struct{ url, want string }{
		"empty":           {"", "(no URL): want sqlite:PATH"},
		"no path":         {"sqlite:", "sqlite:: want sqlite:PATH"},
		"another scheme":  {"mysql://me:secret@host/db", "mysql://me:xxxxx@host/db: want sqlite:PATH"},
		"no URL":          {"my secret", "(not a URL): want"},
		"not a database":  {"sqlite:" + file("text.db", strings.Repeat("no database. ", 1000)), "text.db: it is no SQLite database, or a broken one"},
		"a folder":        {"sqlite:" + folder, "it cannot be opened for writing"},
		"file as folder":  {"sqlite:" + filepath.Join(file("file", ""), "achuan.db"), "its folder cannot be made"},
		"may not write":   {"sqlite:/sys/achuan.db", "sqlite:/sys/achuan.db: it cannot be opened for writing"},
		"bad option":      {"postgres://me:secret@127.0.0.1/db?sslmode=perhaps", "it cannot be understood"},
		"refused":         {"postgres://me:secret@" + closedPort + "/db?sslmode=disable", "it cannot be reached"},
		"password in key": {"postgresql://" + closedPort + "/db?user=me&password=secret", "password=xxxxx"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), Options{URL: test.url})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("Open(…) = %v, want an error with %q and no secret", err, test.want)
			}
		})
	}
}

// closedListener returns a closed listener: its address refuses connections.
func closedListener(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	requireNoError(t, err)
	requireNoError(t, l.Close())
	return l
}

func TestTruncatedFileIsBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	fillStore(t, s)
	requireNoError(t, s.Close())
	requireNoError(t, os.Truncate(path, 20000))
	_, err := Open(t.Context(), Options{URL: "sqlite:" + path})
	requireErrorText(t, err, "restore a backup")
}

func TestFilesAreReadableOnlyByTheOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder", "100% #1?", "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	fillStore(t, s)
	for name, mode := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + ".lock": 0o600} {
		info, err := os.Stat(name)
		requireNoError(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("mode of %s = %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
}

func TestSchema(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		requireEqual(t, must[int](t)(s.Schema(t.Context())), schemaInTests)
		requireNoError(t, s.Ping(t.Context()))
		requireNoError(t, s.transact(t.Context(), func(ctx context.Context, c conn) error {
			_, err := c.exec(ctx, updateSchemaVersion, 99)
			return err
		}))
		if w.url == "sqlite::memory:" {
			return
		}
		requireNoError(t, s.Close())
		_, err := Open(t.Context(), Options{URL: w.url})
		requireErrorText(t, err, newerSchemaError(99, schemaInTests).Error())
	})
}

func TestReplicasThatStartTogetherAgreeOnTheSchema(t *testing.T) {
	w := postgresDatabase(t)
	runConcurrently(t.Context(), 8, func(ctx context.Context, _ int) {
		s, err := Open(ctx, Options{URL: w.url})
		if err != nil {
			t.Error(err)
			return
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	requireEqual(t, must[int](t)(w.open(t).Schema(t.Context())), schemaInTests)
}

func TestClosedStoreRefuses(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		requireNoError(t, s.Close())
		requireNoError(t, s.Close())
		begun := time.Now()
		if err := s.Ping(t.Context()); err == nil {
			t.Error("Ping of a closed store = nil, want an error")
		}
		_, err := s.Session(t.Context(), conversation.Everyone(), 1)
		if err == nil || time.Since(begun) > DefaultTimeout {
			t.Errorf("Session of a closed store = %v after %v, want an error at once", err, time.Since(begun))
		}
	})
}

// Close closes every connection. SQLite removes its log when the last connection closes.
func TestCloseEndsAllConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	fillStore(t, s)
	requireNoError(t, s.Backup(t.Context(), path+".backup"))
	requireNoError(t, s.Close())
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !os.IsNotExist(err) {
			t.Errorf("Stat(%s) after Close() = %v, want that it does not exist", suffix, err)
		}
	}
}

func TestMarkUnverifiedWhileAServerRuns(t *testing.T) {
	w := postgresDatabase(t)
	s := w.open(t)
	putSession(t, s, sampleSession(1, "head"))
	requireNoError(t, MarkUnverified(t.Context(), Options{URL: w.url, Timeout: 10 * time.Second}))
	if readSession(t, s, 1).Verified {
		t.Error("Verified after MarkUnverified = true, want false")
	}
}
