// Package store keeps what conversations need: sessions with their heads, names,
// aliases and stored turns, in SQLite or in PostgreSQL. Both pass one conformance
// suite, which is what conversation.Store says, as tests: those in everywhere.
//
// What is done is written once, in statements that both databases know; a backend
// runs them: one writer that commits in groups over SQLite, a pool of connections
// over PostgreSQL. Where the two must differ, a word in braces stands in the
// statement: see words in backend.go.
//
// No policy lives here: when a session is matched, replaced or deleted is up to
// package conversation.
package store

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"achuan/internal/conversation"
)

// Options say which store to open, and how.
type Options struct {
	URL     string        // sqlite:PATH, sqlite::memory: or postgres://…
	Account string        // host and user id; what is stored is this account's alone
	Lease   time.Duration // how long a taking lasts without being extended, on PostgreSQL; 0 means DefaultLease
	Timeout time.Duration // the longest that one call may take; 0 means DefaultTimeout
	// Now is the clock of SQLite, for tests; nil means time.Now. PostgreSQL goes by
	// the server's clock, which all replicas share.
	Now func() time.Time
	// Logger is told of damaged rows; nil: nobody is.
	Logger *slog.Logger
}

// Defaults of Options.
const (
	DefaultLease   = conversation.DefaultLease
	DefaultTimeout = 5 * time.Second
)

// The kinds of store.
const (
	KindSQLite   = "sqlite"
	KindPostgres = "postgres"
)

// Store is an open store. Its methods may be called from any goroutine.
type Store struct {
	backend     backend
	account     int64
	lease       int64 // microseconds
	timeout     time.Duration
	kind        string
	breaker     *breaker
	log         *slog.Logger
	firstDamage atomic.Pointer[error] // the first that told of broken pages
}

var _ conversation.Store = (*Store)(nil)

// Open opens the store, creates it where there is none, and brings its schema up
// to date. Its errors name the URL, without a password.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := s.registerAccount(ctx, o.Account); err != nil {
		return nil, fmt.Errorf("database %s: %w", redactURL(o.URL), closeAfter(s.backend, err))
	}
	return s, nil
}

// open is Open without an account.
func open(ctx context.Context, o Options) (*Store, error) {
	if o.Lease == 0 {
		o.Lease = DefaultLease
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{log: o.Logger, lease: o.Lease.Microseconds(), timeout: o.Timeout}
	s.breaker = newBreaker(o.Timeout/5, s.probe)
	var err error
	switch scheme, rest, _ := strings.Cut(o.URL, ":"); {
	case scheme == "sqlite" && rest != "":
		s.kind = KindSQLite
		s.backend, err = openSQLite(ctx, rest, o)
	case scheme == "postgres" || scheme == "postgresql":
		s.kind = KindPostgres
		s.backend, err = openPostgres(ctx, o)
	default:
		return nil, fmt.Errorf("database %s: want sqlite:PATH, sqlite::memory: or postgres://USER@HOST/NAME", redactURL(o.URL))
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", redactURL(o.URL), err)
	}
	return s, nil
}

// closeAfter closes a backend that could not be used, because of err.
func closeAfter(db backend, err error) error {
	if closing := db.close(); closing != nil {
		return fmt.Errorf("%w (and closing it: %w)", err, closing)
	}
	return err
}

// Kind is KindSQLite or KindPostgres.
func (s *Store) Kind() string { return s.kind }

// HasLeases tells whether other processes may use the store at the same time.
func (s *Store) HasLeases() bool { return s.kind == KindPostgres }

// Close ends all work and records that nothing was lost. Calls after it fail.
func (s *Store) Close() error {
	s.breaker.stop()
	return s.backend.close()
}

const (
	insertAccount = `INSERT INTO accounts (name) VALUES ($1) ON CONFLICT DO NOTHING`
	findAccount   = `SELECT id FROM accounts WHERE name = $1`
)

// registerAccount finds the number that stands for the account in every row.
func (s *Store) registerAccount(ctx context.Context, account string) error {
	return s.transact(ctx, func(ctx context.Context, c conn) error {
		if _, err := c.exec(ctx, insertAccount, account); err != nil {
			return err
		}
		_, err := queryRow(ctx, c, []any{&s.account}, findAccount, account)
		return err
	})
}

const (
	readEpoch             = `SELECT epoch FROM meta`
	countPing             = `UPDATE meta SET checked = checked + 1`
	advanceEpochAfterLoss = `UPDATE meta SET epoch = epoch + 1, moved = {now}`
)

// Ping tells whether the store can be written to: it commits a change. On SQLite it also
// tells whether the file that is written to is still the one at its path. A store in
// which a broken page was met is of no use either.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.damageError(); err != nil {
		return err
	}
	if file, ok := s.backend.(*sqlite); ok {
		if err := file.requireInPlace(); err != nil {
			return err
		}
	}
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, countPing)
		return err
	})
}

// Schema is the version of the database's schema.
func (s *Store) Schema(ctx context.Context) (version int, err error) {
	err = s.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&version}, readSchemaVersion)
		return err
	})
	return version, err
}

// MarkUnverified says that the store may have lost something, as one that was
// restored from a backup has: every head is to be compared with the platform
// before it is continued.
func (s *Store) MarkUnverified(ctx context.Context) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, advanceEpochAfterLoss)
		return err
	})
}
