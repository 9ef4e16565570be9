package store

import (
	"context"
	"strconv"
	"strings"

	"achuan/internal/conversation"
)

// workFunc runs statements on a connection. A backend may call it again after it failed, so
// outside the database it only sets results, which a second call overwrites.
type workFunc func(ctx context.Context, c conn) error

// backend runs work on SQLite or on PostgreSQL.
type backend interface {
	// read runs statements that change nothing.
	read(ctx context.Context, f workFunc) error
	// autocommit runs statements that do not depend on each other.
	autocommit(ctx context.Context, f workFunc) error
	// transact runs statements that are committed together, or not at all.
	transact(ctx context.Context, f workFunc) error
	// encodeTokens returns a list of tokens as the argument that {in_tokens} reads.
	encodeTokens(list []conversation.Token) any
	close() error
}

// conn runs statements.
type conn interface {
	exec(ctx context.Context, statement string, args ...any) (affected int64, err error)
	query(ctx context.Context, statement string, args ...any) (rows, error)
	// execScript runs several statements without arguments.
	execScript(ctx context.Context, statements string) error
}

// rows are the rows of a query.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// dialect holds the parts of statements in which the two databases differ.
type dialect struct {
	now          string // {now}: the database's clock, in microseconds
	skipLocked   string // {skip_locked}: locks the selected rows of sessions and skips rows that are locked
	lockRows     string // {lock_rows}: locks the selected rows
	inTokens     string // {in_tokens}: the condition that a column is one of the tokens $2
	noOtherWaits string // {no_other_waits}: the condition that no replica but $4 waits for a session
	clearWaiter  string // {clear_waiter}: removes the waiter from a session
}

// fill replaces the placeholders of a statement.
func (d dialect) fill(statement string) string {
	return strings.NewReplacer(
		"{now}", d.now, "{skip_locked}", d.skipLocked, "{lock_rows}", d.lockRows,
		"{in_tokens}", d.inTokens, "{no_other_waits}", d.noOtherWaits, "{clear_waiter}", d.clearWaiter,
		"{max_turn}", strconv.FormatInt(conversation.MaxTurn.Microseconds(), 10),
		"{answer_retention}", strconv.FormatInt(conversation.AnswerRetention.Microseconds(), 10),
		"{max_answer_bytes}", strconv.Itoa(conversation.MaxAnswerBytes),
		"{repeat_window}", strconv.FormatInt(conversation.RepeatWindow.Microseconds(), 10),
		"{resume_window}", strconv.FormatInt(conversation.ResumeWindow.Microseconds(), 10),
	).Replace(statement)
}

// queryRow scans the first row of a query into dest. found reports whether there is a row.
func queryRow(ctx context.Context, c conn, dest []any, statement string, args ...any) (found bool, err error) {
	list, err := c.query(ctx, statement, args...)
	if err != nil {
		return false, err
	}
	defer list.Close()
	if list.Next() {
		found = true
		if err := list.Scan(dest...); err != nil {
			return false, err
		}
	}
	for list.Next() { // a statement that writes is committed after its last row
	}
	return found, list.Err()
}

// queryAll returns all rows of a query.
func queryAll[T any](
	ctx context.Context, c conn, scan func(rows) (T, error), statement string, args ...any,
) ([]T, error) {
	list, err := c.query(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer list.Close()
	var found []T
	for list.Next() {
		row, err := scan(list)
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, list.Err()
}
