package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
)

// brokenFormat is the message about a broken database.
const brokenFormat = "it is broken (%v): restore a backup, or move it away to begin anew"

// Result codes of SQLite that an operator can do something about.
const (
	codeReadOnly = 8
	codeCorrupt  = 11
	codeCantOpen = 14
	codeNotADB   = 26
)

// explain adds a message that an operator understands to an error of SQLite.
func explain(err error) error {
	coded, ok := errors.AsType[*driver.Error](err)
	if !ok {
		return err
	}
	switch coded.Code() & 0xff {
	case codeReadOnly:
		return fmt.Errorf("it can be read but not written: %w", err)
	case codeNotADB, codeCorrupt:
		return fmt.Errorf("it is no SQLite database, or a broken one: restore a backup, or move it away to begin anew: %w", err)
	case codeCantOpen:
		return fmt.Errorf("it cannot be opened: %w", err)
	}
	return err
}

// isFromDatabase reports whether SQLite returned the error.
func isFromDatabase(err error) bool {
	_, ok := errors.AsType[*driver.Error](err)
	return ok
}

// recordDamage records the first error that reports a broken page. The page stays broken
// until an operator restores a backup, but Ping's commits to other pages still succeed.
func (d *DB) recordDamage(err error) {
	if isDamageError(err) {
		d.firstDamage.CompareAndSwap(nil, &err)
	}
}

// damageError returns an error if any call has met a broken page.
func (d *DB) damageError() error {
	if err := d.firstDamage.Load(); err != nil {
		return fmt.Errorf(brokenFormat, *err)
	}
	return nil
}

// isDamageError reports whether a database error means that stored data is broken.
func isDamageError(err error) bool {
	if coded, ok := errors.AsType[*driver.Error](err); ok {
		code := coded.Code() & 0xff
		return code == codeCorrupt || code == codeNotADB
	}
	coded, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (coded.Code == "XX001" || coded.Code == "XX002") // broken data, broken index
}
