package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"achuan/internal/conversation"
)

// sqliteDialect has no row locks, because there is one writer. prepare makes {now} an argument
// after those of the statement.
var sqliteDialect = dialect{now: nowPlaceholder, inTokens: "IN (SELECT unhex(value) FROM json_each($2))"}

const nowPlaceholder = "$now"

// encodeTokenList returns a list of tokens as {in_tokens} reads it: a JSON array of hex.
func encodeTokenList(tokens []conversation.Token) string {
	list := make([]string, len(tokens))
	for i, t := range tokens {
		list[i] = hex.EncodeToString(t[:])
	}
	return `["` + strings.Join(list, `","`) + `"]`
}

// sqliteConn is a connection to SQLite with its prepared statements. Only one goroutine at a
// time may use it.
type sqliteConn struct {
	db       *sql.Conn
	now      func() time.Time
	prepared map[string]preparedStatement
}

type preparedStatement struct {
	*sql.Stmt
	takesNow bool // its last argument is the time
}

// close closes the statements and the connection. SQLite keeps a connection with statements open.
func (c *sqliteConn) close() error {
	errs := make([]error, 0, len(c.prepared)+1)
	for _, p := range c.prepared {
		errs = append(errs, p.Close())
	}
	return errors.Join(append(errs, c.db.Close())...)
}

// prepare returns a prepared statement and all its arguments.
func (c *sqliteConn) prepare(ctx context.Context, statement string, args []any) (*sql.Stmt, []any, error) {
	p, ok := c.prepared[statement]
	if !ok {
		filled := sqliteDialect.fill(statement)
		p.takesNow = strings.Contains(filled, nowPlaceholder)
		filled = hideArguments(strings.ReplaceAll(filled, nowPlaceholder, "$"+strconv.Itoa(len(args)+1)))
		var err error
		if p.Stmt, err = c.db.PrepareContext(context.WithoutCancel(ctx), filled); err != nil {
			return nil, nil, err
		}
		c.prepared[statement] = p
	}
	if p.takesNow {
		args = append(slices.Clip(args), c.now().UnixMicro())
	}
	return p.Stmt, args, nil
}

var argument = regexp.MustCompile(`\$[0-9]+`)

// hideArguments writes each argument $n as +$n, which has the same value. For a condition such as
// caller = $2, the planner asks whether a partial index holds the rows, and reads the argument.
// SQLite then compiles the statement again whenever the argument changes.
func hideArguments(statement string) string { return argument.ReplaceAllString(statement, "+$0") }

func (c *sqliteConn) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	stmt, args, err := c.prepare(ctx, statement, args)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (c *sqliteConn) query(ctx context.Context, statement string, args ...any) (rows, error) {
	stmt, args, err := c.prepare(ctx, statement, args)
	if err != nil {
		return nil, err
	}
	list, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	return sqliteRows{list}, nil
}

func (c *sqliteConn) execScript(ctx context.Context, statements string) error {
	_, err := c.db.ExecContext(ctx, statements)
	return err
}

// sqliteRows adapts sql.Rows to rows. Err returns the error that Close would return.
type sqliteRows struct{ *sql.Rows }

func (r sqliteRows) Close() {
	_ = r.Rows.Close()
}
