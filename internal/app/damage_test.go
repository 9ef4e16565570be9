package app_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"achuan/internal/simulator"
)

// damageTable overwrites the first page of a table in a SQLite file that is not in use.
func damageTable(t *testing.T, path, table string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	var page, size int64
	err = db.QueryRow(`SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name = ?`, table).Scan(&page, &size)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteAt(bytes.Repeat([]byte{0xee}, int(size)), (page-1)*size)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// A database with a broken page still commits to its other pages. /readyz reports the damage after a request has read
// the broken page.
func TestReadyzReportsBrokenPages(t *testing.T) {
	for _, table := range []string{"heads", "sessions"} {
		t.Run(table, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "achuan.db")
			first := startApp(t, simulator.New(simulator.Options{}), "ACHUAN_DATABASE_URL=sqlite:"+path)
			ask(t, first.url, helloRequest)
			first.stop()
			if err := <-first.done; err != nil {
				t.Fatal(err)
			}
			damageTable(t, path, table)
			second := startApp(t, simulator.New(simulator.Options{}), "ACHUAN_DATABASE_URL=sqlite:"+path)
			ask(t, second.url, helloRequest)
			if state := storeState(t, second.url); state != "unavailable" {
				t.Errorf("store = %q with a broken page in %s, want unavailable", state, table)
			}
		})
	}
}
