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
	// defaultSchema holds the tables if the URL names no search_path.
	defaultSchema = "achuan"
	// poolSize limits the connections of a replica if the URL does not (pool_max_conns).
	// Each connection is a process on the server, which allows 100 by default.
	poolSize = 16
	// connectTimeout is shorter than DefaultTimeout, so that a call returns its error.
	connectTimeout = 3 * time.Second
	// maxAttempts limits how often work runs that certainly had no effect: because its
	// connection was dead before anything was sent, or because of a deadlock.
	maxAttempts = 3
)

// postgresWords: the time is that of the server at the start of the statement.
var postgresDialect = dialect{
	now:          postgresNow,
	skipLocked:   "FOR UPDATE OF sessions SKIP LOCKED",
	lockRows:     "FOR UPDATE",
	inTokens:     "= ANY($2)",
	noOtherWaits: " AND (waiter = $4 OR " + hasNoWaiter + ")",
	clearWaiter:  ", waiter = NULL",
}

const (
	postgresNow = "(EXTRACT(EPOCH FROM statement_timestamp()) * 1000000)::bigint"
	// hasNoWaiter is the condition that no request at another replica waits for a session.
	// A request that waits tries several times a second.
	hasNoWaiter = "(waiter IS NULL OR waiter_seen < " + postgresNow + " - 1000000)"

	// registerWaiter records that a request waits for a session. No other request takes the
	// session until this one has it, or has not tried for a second.
	registerWaiter = "UPDATE sessions SET waiter = $3, waiter_seen = {now} " +
		"WHERE account = $1 AND id = $2 AND (waiter = $3 OR " + hasNoWaiter + ")"
)

// postgres is the backend with a pool of connections to PostgreSQL.
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

// postgresConfig parses a URL and adds defaults.
func postgresConfig(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		// The error of pgx may contain the URL with its password.
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
		// No turn waits for a disk flush. What a crash may lose is handled by
		// noticeRestart. docs/decisions/0004-durability.md
		"synchronous_commit": "off",
		// A call has ended by then.
		"statement_timeout": strconv.FormatInt(DefaultTimeout.Milliseconds(), 10),
		// A replica that is paused within a transaction locks its rows for at most this
		// time, which is less than a lease.
		"idle_in_transaction_session_timeout": strconv.FormatInt(DefaultTimeout.Milliseconds(), 10),
	}
	for name, value := range defaults {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// schemaLockID is the advisory lock that a replica holds while it changes the schema.
const schemaLockID = 0x61636875616e // "achuan"

const (
	lockSchema     = `SELECT pg_advisory_xact_lock($1)`
	hasNamedSchema = `SELECT to_regnamespace(current_setting('search_path')) IS NOT NULL`
)

// migratePostgres brings the schema up to date. Only one replica at a time does so.
func migratePostgres(ctx context.Context, config *pgx.ConnConfig) error {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("it cannot be reached: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // its work is committed or has failed by then
	locked := func(ctx context.Context, f workFunc) error {
		return runInTransaction(ctx, c, func(ctx context.Context, c conn) error {
			// A migration, or waiting for the lock, may take longer than a call.
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
		var exists bool
		if _, err := queryRow(ctx, c, []any{&exists}, hasNamedSchema); err != nil || exists {
			return err
		}
		return c.execScript(ctx, "CREATE SCHEMA "+pgx.Identifier{config.RuntimeParams["search_path"]}.Sanitize())
	})
	if err != nil {
		return fmt.Errorf("its schema %q cannot be made: %w", config.RuntimeParams["search_path"], err)
	}
	return migrate(ctx, KindPostgres, locked)
}

// serverIdentity selects a text that identifies a start of a server. The start time differs
// between servers and between starts. After a crash of one of its processes, a server keeps
// its start time but resets its statistics.
const serverIdentity = `
EXTRACT(EPOCH FROM pg_postmaster_start_time())::text
	|| COALESCE(' ' || (SELECT EXTRACT(EPOCH FROM stats_reset)::text FROM pg_stat_bgwriter), '')`

const (
	isSameServer = `SELECT server = ` + serverIdentity + ` FROM meta`
	recordServer = `
UPDATE meta SET epoch = epoch + 1, moved = CASE WHEN server = '' THEN moved ELSE {now} END, server = ` + serverIdentity + `
WHERE server <> ` + serverIdentity
)

// detectRestart advances the epoch if the server's identity has changed. A server that
// crashed and restarted, or another server, may not have the last commits. detectRestart
// runs when the pool opens a connection: a server that stops closes all connections.
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

// runInTransaction runs work in a transaction.
func runInTransaction(ctx context.Context, c interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}, f workFunc) error {
	return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error { return f(ctx, postgresConn{tx}) })
}

// retryIfNoEffect calls f again, up to maxAttempts times, if it failed without any effect.
func retryIfNoEffect(ctx context.Context, f func() error) error {
	var err error
	for range maxAttempts {
		if err = f(); err == nil || ctx.Err() != nil || !hadNoEffect(err) {
			return err
		}
	}
	return err
}

// hadNoEffect reports whether work that failed with err certainly had no effect and may
// succeed when it is repeated.
func hadNoEffect(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.Code == "40001" || refused.Code == "40P01" // serialization failure, deadlock
	}
	return pgconn.SafeToRetry(err)
}

// postgresConn runs statements on a transaction, a connection or the pool. pgx caches
// prepared statements on each connection.
type postgresConn struct {
	db interface {
		Exec(ctx context.Context, statement string, args ...any) (pgconn.CommandTag, error)
		Query(ctx context.Context, statement string, args ...any) (pgx.Rows, error)
	}
}

// filledStatements caches the results of fillStatement.
var filledStatements sync.Map

// fillStatement replaces the placeholders of a statement.
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
