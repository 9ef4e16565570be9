package store

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	requireNoError(t, os.WriteFile(file, []byte(strings.Repeat("text ", 1000)), 0o600))
	for name, c := range map[string]struct {
		url   func(t *testing.T) string
		want  Condition
		error string
	}{
		"in memory": {func(*testing.T) string { return "sqlite::memory:" }, Condition{Kind: KindSQLite, Newest: schemaInTests}, ""},
		"not yet": {func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "a", "b", "achuan.db") },
			Condition{Kind: KindSQLite, Newest: schemaInTests}, ""},
		"never": {func(*testing.T) string { return "sqlite:" + filepath.Join(file, "achuan.db") }, Condition{}, "is no folder"},
		"there": {func(t *testing.T) string { return "sqlite:" + fileOfSchema(t, schemaInTests) },
			Condition{Kind: KindSQLite, Exists: true, Schema: schemaInTests, Newest: schemaInTests}, ""},
		"a later achuan's": {func(t *testing.T) string { return "sqlite:" + fileOfSchema(t, schemaInTests+1) }, Condition{}, newerSchemaError(schemaInTests+1, schemaInTests).Error()},
		"no database":      {func(*testing.T) string { return "sqlite:" + file }, Condition{}, "no SQLite database"},
		"PostgreSQL, not yet": {func(t *testing.T) string { return postgresDatabase(t).url },
			Condition{Kind: KindPostgres, Newest: schemaInTests}, ""},
		"PostgreSQL": {func(t *testing.T) string { w := postgresDatabase(t); w.open(t); return w.url },
			Condition{Kind: KindPostgres, Exists: true, Schema: schemaInTests, Newest: schemaInTests}, ""},
		"PostgreSQL away": {func(*testing.T) string { return "postgres://user:secret@127.0.0.1:1/name" }, Condition{}, "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Inspect(t.Context(), Options{URL: c.url(t)})
			if c.error != "" {
				requireErrorText(t, err, c.error)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("Inspect(…) = %v, want an error without the password", err)
				}
				return
			}
			requireNoError(t, err)
			requireEqual(t, got, c.want)
		})
	}
}

// Inspect works while a server uses the database, and changes nothing visible.
func TestInspectWhileAServerRuns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	putSession(t, s, sampleSession(1, "head"))
	got, err := Inspect(t.Context(), Options{URL: "sqlite:" + path})
	requireNoError(t, err)
	requireEqual(t, got, Condition{Kind: KindSQLite, Exists: true, Schema: schemaInTests, Newest: schemaInTests})
	putSession(t, s, sampleSession(2, "next"))
	requireEqual(t, readSession(t, s, 1).Verified, true)
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
		t.Errorf("Inspect(…) = %+v without a commit, want a commit", c)
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
