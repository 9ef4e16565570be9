package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/conversation"
)

// Options say which database to open, and how.
type Options struct {
	// URL is sqlite:PATH, sqlite::memory: or postgres://…
	URL string
	// Lease is how long a taking lasts on PostgreSQL if its process does not extend it. 0 means
	// conversation.DefaultLease.
	Lease time.Duration
	// Timeout limits each call. 0 means DefaultTimeout.
	Timeout time.Duration
	// Now is the clock of SQLite, for tests. nil means time.Now. PostgreSQL uses the
	// server's clock, which all replicas share.
	Now func() time.Time
	// Logger gets a warning for each damaged row. nil means no logging.
	Logger *slog.Logger
}

// DefaultTimeout limits a call when Options do not say otherwise.
const DefaultTimeout = 5 * time.Second

// The kinds of database.
const (
	KindSQLite   = "sqlite"
	KindPostgres = "postgres"
)

// DB is an open database. It holds the stores of any number of accounts: see Account.
// Its methods may be called from any goroutine.
type DB struct {
	backend     backend
	url         string // without a password
	kind        string
	lease       int64 // microseconds
	timeout     time.Duration
	breaker     *breaker
	log         *slog.Logger
	firstDamage atomic.Pointer[error] // the first error that reported a broken page

	sweep   sync.Mutex // one call of sweepHeads at a time
	sweptTo headRow    // the last row that sweepHeads saw; zero before the first
}

// Open opens a database. It creates a database that does not exist and brings the schema
// up to date. Its errors name the URL without a password.
func Open(ctx context.Context, o Options) (*DB, error) {
	if o.Lease == 0 {
		o.Lease = conversation.DefaultLease
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
	d := &DB{url: redactURL(o.URL), log: o.Logger, lease: o.Lease.Microseconds(), timeout: o.Timeout}
	d.breaker = newBreaker(o.Timeout/5, d.probe)
	var err error
	switch scheme, rest, _ := strings.Cut(o.URL, ":"); {
	case scheme == "sqlite" && rest != "":
		d.kind = KindSQLite
		d.backend, err = openSQLite(ctx, rest, o)
	case scheme == "postgres" || scheme == "postgresql":
		d.kind = KindPostgres
		d.backend, err = openPostgres(ctx, o)
	default:
		return nil, fmt.Errorf("database %s: want sqlite:PATH, sqlite::memory: or postgres://USER@HOST/NAME", d.url)
	}
	if err != nil {
		return nil, fmt.Errorf("database %s: %w", d.url, err)
	}
	return d, nil
}

// Kind returns KindSQLite or KindPostgres.
func (d *DB) Kind() string { return d.kind }

// HasLeases reports whether other processes may use the database at the same time.
func (d *DB) HasLeases() bool { return d.kind == KindPostgres }

// Close ends all work and records that the database lost nothing. Calls after Close fail,
// those of its stores too.
func (d *DB) Close() error {
	d.breaker.stop()
	return d.backend.close()
}

const (
	readEpoch             = `SELECT epoch FROM meta`
	countPing             = `UPDATE meta SET checked = checked + 1`
	advanceEpochAfterLoss = `UPDATE meta SET epoch = epoch + 1, moved = {now}`
)

// Ping returns an error if the database cannot be used: it commits a change. On SQLite it
// also checks that the open file is still the file at its path. A database that has
// reported a broken page fails every Ping.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.damageError(); err != nil {
		return err
	}
	if file, ok := d.backend.(*sqlite); ok {
		if err := file.requireInPlace(); err != nil {
			return err
		}
	}
	return d.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, countPing)
		return err
	})
}

// Schema returns the version of the database's schema.
func (d *DB) Schema(ctx context.Context) (version int, err error) {
	err = d.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&version}, readSchemaVersion)
		return err
	})
	return version, err
}

// MarkUnverified records that the database may have lost commits, as after a restore from
// a backup. Every head must then be compared with the platform before its session is
// continued.
func (d *DB) MarkUnverified(ctx context.Context) error {
	return d.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, advanceEpochAfterLoss)
		return err
	})
}

// MarkUnverified opens a database, marks it as DB.MarkUnverified does, and closes it.
func MarkUnverified(ctx context.Context, o Options) error {
	d, err := Open(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(d.MarkUnverified(ctx), d.Close())
}

// read runs statements that change nothing.
func (d *DB) read(ctx context.Context, f workFunc) error {
	return d.runWithTimeout(ctx, f, d.backend.read)
}

// autocommit runs statements, each in its own transaction.
func (d *DB) autocommit(ctx context.Context, f workFunc) error {
	return d.runWithTimeout(ctx, f, d.backend.autocommit)
}

// transact runs statements that are committed together, or not at all.
func (d *DB) transact(ctx context.Context, f workFunc) error {
	return d.runWithTimeout(ctx, f, d.backend.transact)
}

func (d *DB) runWithTimeout(ctx context.Context, f workFunc, run func(context.Context, workFunc) error) error {
	if err := d.breaker.allow(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	began := time.Now()
	err := run(ctx, f)
	d.breaker.record(ctx, began, err)
	d.recordDamage(err)
	return err
}

// probe returns nil if the database answers. On SQLite it waits for the writer, as a
// write does.
func (d *DB) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	return d.backend.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{new(int64)}, readEpoch)
		return err
	})
}
