package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// minFreeBytes is how many bytes the disk must have left.
	minFreeBytes = 1 << 20
	// pageCheckTimeout limits the check of every page of a file. The pages of a large file
	// that are not checked by then count as intact.
	pageCheckTimeout = 5 * time.Second
)

// Condition is what Inspect found out about a database.
type Condition struct {
	Kind   string
	Exists bool // false: the server will create it
	Schema int  // 0 when it does not exist
	Newest int  // the schema that this achuan knows
}

// Inspect returns an error if a server could not use the database. The database may be in use.
// Inspect commits a change that has no effect, because only a commit shows that the disk
// accepts writes.
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

// inspectSQLite checks the file at a path, or whether it can be created.
func inspectSQLite(ctx context.Context, path string, c *Condition) error {
	switch info, err := os.Stat(path); {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return requireCreatable(filepath.Dir(path))
	case err == nil && info.Size() == 0:
		if wasEmptied(path) {
			return errEmptied
		}
		return requireDiskSpace(filepath.Dir(path))
	}
	db, err := openUnlocked(path, "rw")
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // its change is committed by then
	if c.Schema, err = readSchema(ctx, db); err != nil {
		return err
	}
	c.Exists = true
	if err := checkPages(ctx, db); err != nil {
		return err
	}
	if err := tryCommit(ctx, db); err != nil {
		return err
	}
	return requireDiskSpace(filepath.Dir(path))
}

// tryCommit commits a change that has no effect in any schema. A rollback, or an update that
// changes nothing, would succeed on a full disk.
func tryCommit(ctx context.Context, db *sql.DB) error {
	var version int32
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	_, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version+1))
	return err
}

// checkPages checks every page, until pageCheckTimeout.
func checkPages(ctx context.Context, db *sql.DB) error {
	limited, cancel := context.WithTimeout(ctx, pageCheckTimeout)
	defer cancel()
	var found string
	err := db.QueryRowContext(limited, "PRAGMA quick_check(1)").Scan(&found)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return nil
	case err != nil:
		return err
	case found != "ok":
		return fmt.Errorf(brokenFormat, found)
	}
	return nil
}

// requireDiskSpace returns an error if no file of minFreeBytes can be written to a folder.
func requireDiskSpace(folder string) error {
	f, err := os.CreateTemp(folder, ".achuan-*")
	if err != nil {
		return fmt.Errorf("nothing can be written to its folder: %w", err)
	}
	_, err = f.Write(make([]byte, minFreeBytes))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("its folder takes no %d KiB more: %w", minFreeBytes>>10, err)
	}
	return nil
}

// requireCreatable returns an error if a folder can neither be written to nor created.
func requireCreatable(folder string) error {
	for {
		info, err := os.Stat(folder)
		parent := filepath.Dir(folder)
		switch {
		case err == nil && !info.IsDir():
			return fmt.Errorf("%s is no folder", folder)
		case err == nil:
			return requireDiskSpace(folder)
		case errors.Is(err, fs.ErrPermission) || parent == folder:
			return err
		}
		folder = parent
	}
}

// rewriteMeta writes a row without changing it.
const rewriteMeta = `UPDATE meta SET epoch = epoch`

// inspectPostgres connects with the options of the server.
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

// errEmptied means that the database file was emptied.
var errEmptied = errors.New("an empty file stands where the store was: restore a backup, or delete the file to begin anew")

// wasEmptied reports whether the file at path is empty but was a database before: its lock
// file, or the record of its last backup, still exists.
func wasEmptied(path string) bool {
	info, err := os.Stat(path)
	if err != nil || info.Size() > 0 || hasLog(path) {
		return false
	}
	for _, suffix := range []string{".lock", ".backup.json"} {
		if _, err := os.Stat(path + suffix); err == nil {
			return true
		}
	}
	return false
}

// WasEmptied reports whether the file of a SQLite database has been emptied. Open then creates
// a new database there, without sessions.
func WasEmptied(database string) bool {
	path, err := File(database)
	return err == nil && wasEmptied(path)
}
