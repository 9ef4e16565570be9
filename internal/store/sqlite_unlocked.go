package store

import (
	"context"
	"database/sql"
	"errors"
)

// openUnlocked opens a file that a server may have locked. mode is ro or rw. Temporary data
// stays in memory, because a container with a read-only root has no /tmp.
func openUnlocked(path, mode string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fileURI(path)+"?mode="+mode+"&_pragma=busy_timeout(4000)&_pragma=temp_store(2)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// errForeign means that a database belongs to another program.
var errForeign = errors.New("it is not a database of achuan")

// readSchema returns the schema of a database, or errForeign.
func readSchema(ctx context.Context, db *sql.DB) (version int, err error) {
	var tables int
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = 'achuan_schema'`).Scan(&tables); err != nil {
		return 0, err
	}
	if tables == 0 {
		return 0, errForeign
	}
	err = db.QueryRowContext(ctx, readSchemaVersion).Scan(&version)
	return version, err
}
