package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// What is done to a store by a program that is not the one that serves from it, which
// may go on doing so at the same time.

// ErrPostgres says that a store is not a file that achuan could copy.
var ErrPostgres = errors.New("the store is PostgreSQL, which has tools of its own")

// ErrMemory says that a store is nowhere but in its process.
var ErrMemory = errors.New("the store is in memory: there is nothing to keep")

// File returns the path of a SQLite store, or ErrPostgres or ErrMemory.
func File(database string) (string, error) {
	path, ok := strings.CutPrefix(database, "sqlite:")
	switch {
	case !ok:
		return "", ErrPostgres
	case path == memoryPath:
		return "", ErrMemory
	}
	return path, nil
}

// Condition is what Inspect found.
type Condition struct {
	Kind   string
	Exists bool // false: it will be made when achuan serves
	Schema int  // 0 when it does not exist
	Newest int  // the schema that this achuan knows
}

// Inspect looks whether a store can be used. It commits something that nobody reads,
// because only a commit shows that the disk takes one.
func Inspect(ctx context.Context, o Options) (Condition, error) {
	newest, err := newestSchema()
	if err != nil {
		return Condition{}, err
	}
	c := Condition{Kind: KindSQLite, Newest: newest}
	path, err := File(o.URL)
	switch {
	case errors.Is(err, ErrMemory):
		return c, nil
	case err != nil:
		c.Kind = KindPostgres
		err = inspectPostgres(ctx, o.URL, &c)
	default:
		err = inspectSQLite(ctx, path, &c)
	}
	if err == nil && c.Schema > c.Newest {
		err = newerSchemaError(c.Schema, c.Newest)
	}
	if err != nil {
		return c, fmt.Errorf("database %s: %w", redactURL(o.URL), explain(err))
	}
	return c, nil
}

func newestSchema() (int, error) {
	names, err := fs.Glob(migrations, "migrations/"+KindSQLite+"/*.sql")
	return len(names), err
}

// requireCreatable tells whether a folder is there to be written to, or can be made.
func requireCreatable(folder string) error {
	for {
		info, err := os.Stat(folder)
		above := filepath.Dir(folder)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s is no folder", folder)
		case err == nil:
			return requireDiskSpace(folder)
		case errors.Is(err, fs.ErrPermission) || above == folder:
			return err
		}
		folder = above
	}
}

// openUnlocked connects to a file without the lock of who serves from it. mode is ro or rw.
// What it sorts stays in memory: where the root is read-only there is no /tmp.
func openUnlocked(path, mode string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fileURI(path)+"?mode="+mode+"&_pragma=busy_timeout(4000)&_pragma=temp_store(2)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// errForeign says that a database is something else's.
var errForeign = errors.New("it is no store of achuan's")

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

// rewriteMeta changes nothing, and is written all the same.
const rewriteMeta = `UPDATE meta SET epoch = epoch`

// inspectPostgres asks as serve would.
func inspectPostgres(ctx context.Context, database string, c *Condition) error {
	config, err := postgresConfig(database)
	if err != nil {
		return err
	}
	db, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return fmt.Errorf("it cannot be reached: %w", err)
	}
	defer db.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if err := db.QueryRow(ctx, `SELECT to_regclass('achuan_schema') IS NOT NULL`).Scan(&c.Exists); err != nil || !c.Exists {
		return err
	}
	if err := db.QueryRow(ctx, readSchemaVersion).Scan(&c.Schema); err != nil {
		return err
	}
	_, err = db.Exec(ctx, rewriteMeta)
	return err
}

// MarkUnverified opens a database, marks it as DB.MarkUnverified does, and closes it.
func MarkUnverified(ctx context.Context, o Options) error {
	d, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(d.MarkUnverified(ctx), d.Close())
}
