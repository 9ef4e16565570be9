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
		check(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	closedPort := listen(t).Addr().String()
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
			_, err := Open(t.Context(), Options{URL: test.url, Account: testAccount})
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error %v, want %q and no secret", err, test.want)
			}
		})
	}
}

// listen returns a listener that is closed already: nobody is at its address.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	check(t, l.Close())
	return l
}

func TestTruncatedFileIsBroken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + path).open(t)
	fill(t, s)
	check(t, s.Close())
	check(t, os.Truncate(path, 20000))
	_, err := Open(t.Context(), Options{URL: "sqlite:" + path, Account: testAccount})
	if err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("error %v", err)
	}
}

func TestFolderAndFileAreTheUsersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder", "100% #1?", "achuan.db")
	s := sqliteWorld("sqlite:" + path).open(t)
	fill(t, s)
	for name, mode := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + ".lock": 0o600} {
		info, err := os.Stat(name)
		check(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode().Perm(), mode)
		}
	}
}

func TestSchema(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		same(t, must[int](t)(s.Schema(t.Context())), newestInTests)
		check(t, s.Ping(t.Context()))
		check(t, s.write(t.Context(), func(ctx context.Context, c conn) error {
			_, err := c.exec(ctx, updateSchema, 99)
			return err
		}))
		if w.url == "sqlite::memory:" {
			return
		}
		check(t, s.Close())
		_, err := Open(t.Context(), Options{URL: w.url, Account: testAccount})
		if err == nil || !strings.Contains(err.Error(), "its schema 99 is newer than 2") {
			t.Errorf("error %v", err)
		}
	})
}

func TestReplicasThatStartTogetherAgreeOnTheSchema(t *testing.T) {
	w := postgresWorld(t)
	crowd(t.Context(), 8, func(ctx context.Context, _ int) {
		s, err := Open(ctx, Options{URL: w.url, Account: testAccount})
		if err != nil {
			t.Error(err)
			return
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	same(t, must[int](t)(w.open(t).Schema(t.Context())), newestInTests)
}

func TestClosedStoreRefuses(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		check(t, s.Close())
		check(t, s.Close())
		begun := time.Now()
		if err := s.Ping(t.Context()); err == nil {
			t.Error("a closed store can be written to")
		}
		if _, err := s.Session(t.Context(), conversation.Everyone(), 1); err == nil || time.Since(begun) > DefaultTimeout {
			t.Error("a closed store can be read")
		}
	})
}

// A store that is closed leaves no connection open: SQLite removes its log when the last
// one ends.
func TestCloseEndsAllConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + path).open(t)
	fill(t, s)
	check(t, s.Backup(t.Context(), path+".backup"))
	check(t, s.Close())
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !os.IsNotExist(err) {
			t.Errorf("Stat(%s) after Close() = %v, want that it does not exist", suffix, err)
		}
	}
}
