package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"achuan/internal/conversation"
)

const (
	// defaultSchema holds achuan's tables where the URL names no search_path.
	defaultSchema = "achuan"
	// poolSize is how many connections a replica opens where the URL does not say
	// (pool_max_conns): each is a process on the server, which has 100 by default.
	poolSize = 16
	// connectTimeout is shorter than a call's, so that it is the error that is seen.
	connectTimeout = 3 * time.Second
	// maxAttempts is how often work is done that surely had no effect: on a connection
	// that turned out to be dead before anything was sent, or in a deadlock.
	maxAttempts = 3
)

// postgresWords: time is the server's, as of the statement.
var postgresDialect = dialect{
	now:          postgresNow,
	skipLocked:   "FOR UPDATE SKIP LOCKED",
	lockRows:     "FOR UPDATE",
	inTokens:     "= ANY($2)",
	noOtherWaits: " AND (waiter = $4 OR " + hasNoWaiter + ")",
	clearWaiter:  ", waiter = NULL",
}

const (
	postgresNow = "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::bigint"
	// hasNoWaiter is the condition of a session that no request of another replica waits
	// for: one that waits looks several times a second.
	hasNoWaiter = "(waiter IS NULL OR waiter_seen < " + postgresNow + " - 1000000)"

	// registerWaiter notes that a request waits for a session. Until it has the session or has not
	// looked for a second, nobody else takes it.
	registerWaiter = "UPDATE sessions SET waiter = $3, waiter_seen = {now} WHERE account = $1 AND id = $2 AND (waiter = $3 OR " + hasNoWaiter + ")"
)

// postgres is the backend over a pool of connections.
type postgres struct {
	pool *pgxpool.Pool
}

func openPostgres(ctx context.Context, o Options) (backend, error) {
	config, err := postgresConfig(o.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 4*o.Timeout)
	defer cancel()
	if err := migratePostgres(ctx, config.ConnConfig); err != nil {
		return nil, err
	}
	config.AfterConnect = detectRestart
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &postgres{pool}, nil
}

// postgresConfig reads the URL, and sets what it leaves open.
func postgresConfig(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx's own words may quote the URL.
		return nil, errors.New("it cannot be understood: want postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…")
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if !strings.Contains(url, "pool_max_conns=") {
		config.MaxConns = poolSize
	}
	defaults := map[string]string{
		"search_path": defaultSchema, "application_name": "achuan",
		// No turn waits for a disk flush: what a crash may lose is caught by
		// noticeRestart. docs/decisions/0004-durability.md
		"synchronous_commit": "off",
		// A replica that is paused within a transaction keeps its rows from the others
		// no longer than this: less than a lease.
		"statement_timeout":                   strconv.FormatInt(DefaultTimeout.Milliseconds(), 10), // nobody waits for it any longer
		"idle_in_transaction_session_timeout": strconv.FormatInt(DefaultTimeout.Milliseconds(), 10),
	}
	for name, value := range defaults {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// schemaLockID is the advisory lock under which replicas change the schema.
const schemaLockID = 0x61636875616e // "achuan"

const (
	lockSchema     = `SELECT pg_advisory_xact_lock($1)`
	hasNamedSchema = `SELECT to_regnamespace(current_setting('search_path')) IS NOT NULL`
)

// migratePostgres brings the schema up to date, one replica at a time.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("it cannot be reached: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // all that it did is committed or an error by then
	locked := func(ctx context.Context, f workFunc) error {
		return runInTransaction(ctx, c, func(ctx context.Context, c conn) error {
			// A migration, and waiting for another's, may take longer than a call.
			if err := c.execScript(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
				return err
			}
			if _, err := c.exec(ctx, lockSchema, int64(schemaLockID)); err != nil {
				return err
			}
			return f(ctx, c)
		})
	}
	err = locked(ctx, func(ctx context.Context, c conn) error {
		var there bool
		if _, err := queryRow(ctx, c, []any{&there}, hasNamedSchema); err != nil || there {
			return err
		}
		return c.execScript(ctx, "CREATE SCHEMA "+pgx.Identifier{config.RuntimeParams["search_path"]}.Sanitize())
	})
	if err != nil {
		return fmt.Errorf("its schema %q cannot be made: %w", config.RuntimeParams["search_path"], err)
	}
	return migrate(ctx, KindPostgres, locked)
}

// serverIdentity names a start of a server. Its time differs between servers and
// between starts; after a crash of one of its processes, a server goes on without a
// new start, but begins its statistics anew.
const serverIdentity = `
EXTRACT(EPOCH FROM pg_postmaster_start_time())::text
	|| COALESCE(' ' || (SELECT EXTRACT(EPOCH FROM stats_reset)::text FROM pg_stat_bgwriter), '')`

const (
	isSameServer = `SELECT server = ` + serverIdentity + ` FROM meta`
	recordServer = `
UPDATE meta SET epoch = epoch + 1, moved = CASE WHEN server = '' THEN moved ELSE {now} END, server = ` + serverIdentity + `
WHERE server <> ` + serverIdentity
)

// detectRestart moves the epoch when the server is not the one that the epoch is of:
// one that came back after a crash, or another, may not have what was committed last.
// It looks before a connection is used, and a server that ends closes them all.
func detectRestart(ctx context.Context, c *pgx.Conn) error {
	var same bool
	if err := c.QueryRow(ctx, isSameServer).Scan(&same); err != nil || same {
		return err
	}
	return runInTransaction(ctx, c, func(ctx context.Context, c conn) error {
		if err := c.execScript(ctx, "SET LOCAL synchronous_commit = on"); err != nil {
			return err
		}
		_, err := c.exec(ctx, recordServer)
		return err
	})
}

func (p *postgres) read(ctx context.Context, f workFunc) error { return p.autocommit(ctx, f) }

func (p *postgres) autocommit(ctx context.Context, f workFunc) error {
	return retryIfNoEffect(ctx, func() error { return f(ctx, postgresConn{p.pool}) })
}

func (p *postgres) transact(ctx context.Context, f workFunc) error {
	return retryIfNoEffect(ctx, func() error { return runInTransaction(ctx, p.pool, f) })
}

func (p *postgres) hasCheapReads() bool { return false }

func (p *postgres) encodeTokens(list []conversation.Token) any {
	raw := make([][]byte, len(list))
	for i := range list {
		raw[i] = list[i][:]
	}
	return raw
}

func (p *postgres) close() error {
	p.pool.Close()
	return nil
}

// runInTransaction does work in a transaction.
func runInTransaction(ctx context.Context, c interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}, f workFunc) error {
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return f(ctx, postgresConn{tx}) })
}

// retryIfNoEffect repeats work that surely had no effect.
func retryIfNoEffect(ctx context.Context, f func() error) error {
	var err error
	for range maxAttempts {
		if err = f(); err == nil || ctx.Err() != nil || !hadNoEffect(err) {
			return err
		}
	}
	return err
}

// hadNoEffect tells whether what failed surely had no effect and may fare better.
func hadNoEffect(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.Code == "40001" || refused.Code == "40P01" // serialization failure, deadlock
	}
	return pgconn.SafeToRetry(err)
}

// postgresConn runs statements on a transaction, a connection or the pool. pgx keeps
// them prepared on each connection.
type postgresConn struct {
	db interface {
		Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error)
	}
}

// filledStatements has the statements that were filled in already.
var filledStatements sync.Map

func fillStatement(statement string) string {
	if text, ok := filledStatements.Load(statement); ok {
		return text.(string) //nolint:forcetypeassert // stored below
	}
	text := postgresDialect.fill(statement)
	filledStatements.Store(statement, text)
	return text
}

func (c postgresConn) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	tag, err := c.db.Exec(ctx, fillStatement(statement), args...)
	return tag.RowsAffected(), err
}

func (c postgresConn) query(ctx context.Context, statement string, args ...any) (rows, error) {
	return c.db.Query(ctx, fillStatement(statement), args...)
}

func (c postgresConn) execScript(ctx context.Context, statements string) error {
	_, err := c.db.Exec(ctx, statements)
	return err
}
