package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

func TestWasEmptied(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"nothing", nil, false},
		{"an empty file that was put there", map[string]string{"": ""}, false},
		{"an empty file with the lock of a store", map[string]string{"": "", ".lock": ""}, true},
		{"an empty file with the note of a backup", map[string]string{"": "", ".backup.json": "{}"}, true},
		{"an empty file with a log", map[string]string{"": "", ".lock": "", "-wal": "x"}, false},
		{"a store", map[string]string{"": "x", ".lock": ""}, false},
		{"no file, but a lock", map[string]string{".lock": ""}, false},
	} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		for suffix, content := range tt.files {
			requireNoError(t, os.WriteFile(path+suffix, []byte(content), 0o600))
		}
		if got := WasEmptied("sqlite:" + path); got != tt.want {
			t.Errorf("%s: WasEmptied = %t, want %t", tt.name, got, tt.want)
		}
	}
	if WasEmptied("sqlite::memory:") || WasEmptied("postgres://u@h/d") {
		t.Error("WasEmptied of a database without a file = true, want false")
	}
}

// Inspect commits a change while a server uses the database.
func TestInspectCommits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	fillStore(t, s)
	before := userVersion(t, path)
	c, err := Inspect(t.Context(), Options{URL: "sqlite:" + path})
	requireNoError(t, err)
	if !c.Exists || userVersion(t, path) == before {
		t.Errorf("Inspect = %+v and committed nothing, want a commit", c)
	}
	requireNoError(t, s.Ping(context.WithoutCancel(t.Context())))
}

func userVersion(t *testing.T, path string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite", fileURI(path)+"?mode=ro")
	requireNoError(t, err)
	t.Cleanup(func() { requireNoError(t, db.Close()) })
	requireNoError(t, db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version))
	return version
}
