package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
)

// noteDamage remembers an error that tells of broken pages. They stay broken until
// somebody restores a backup, and other pages still take the commits of Ping.
func (s *Store) noteDamage(err error) {
	if isDamage(err) {
		s.damage.CompareAndSwap(nil, &err)
	}
}

// knownDamage returns an error if some call has met a broken page.
func (s *Store) knownDamage() error {
	if err := s.damage.Load(); err != nil {
		return fmt.Errorf(broken, *err)
	}
	return nil
}

// isDamage reports whether a database says that what it holds is broken.
func isDamage(err error) bool {
	if coded, ok := errors.AsType[*driver.Error](err); ok {
		code := coded.Code() & 0xff
		return code == codeCorrupt || code == codeNotADB
	}
	coded, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (coded.Code == "XX001" || coded.Code == "XX002") // data, index
}
