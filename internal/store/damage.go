package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
)

// recordDamage remembers an error that tells of broken pages. They stay broken until
// somebody restores a backup, and other pages still take the commits of Ping.
func (d *DB) recordDamage(err error) {
	if isDamageError(err) {
		d.firstDamage.CompareAndSwap(nil, &err)
	}
}

// damageError returns an error if some call has met a broken page.
func (d *DB) damageError() error {
	if err := d.firstDamage.Load(); err != nil {
		return fmt.Errorf(brokenFormat, *err)
	}
	return nil
}

// isDamageError reports whether a database says that what it holds is broken.
func isDamageError(err error) bool {
	if coded, ok := errors.AsType[*driver.Error](err); ok {
		code := coded.Code() & 0xff
		return code == codeCorrupt || code == codeNotADB
	}
	coded, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (coded.Code == "XX001" || coded.Code == "XX002") // data, index
}
