package store

import (
	"context"
	"strconv"
	"strings"

	"achuan/internal/conversation"
)

// workFunc is done on a connection. It may be run again after it failed, so all that it
// changes outside the database are results that a second run overwrites.
type workFunc func(ctx context.Context, c conn) error

// backend runs work on one of the two databases.
type backend interface {
	read(ctx context.Context, f workFunc) error       // statements that read
	autocommit(ctx context.Context, f workFunc) error // statements of which each stands for itself
	transact(ctx context.Context, f workFunc) error   // statements that are committed together, or not at all
	// encodeTokens is what stands for a list of tokens in a statement's arguments.
	encodeTokens(list []conversation.Token) any
	// hasCheapReads says that reading first is cheaper than writing in vain.
	hasCheapReads() bool
	close() error
}

// conn runs statements.
type conn interface {
	exec(ctx context.Context, statement string, args ...any) (affected int64, err error)
	query(ctx context.Context, statement string, args ...any) (rows, error)
	// execScript runs several statements that take no arguments.
	execScript(ctx context.Context, statements string) error
}

// rows are those of a query.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// dialect stand for what the two databases say differently.
type dialect struct {
	now        string // {now}: the store's clock, in microseconds
	skipLocked string // {skip_locked}: lock the rows that are read, passing over those that another has locked
	lockRows   string // {lock_rows}: lock the rows that are read
	inTokens   string // {in_tokens}: is one of the tokens $2
	// Of sessions that another process may wait for: {no_other_waits} is the condition that nobody
	// does but $4, {clear_waiter} ends the waiting.
	noOtherWaits, clearWaiter string
}

func (w dialect) fill(statement string) string {
	return strings.NewReplacer(
		"{now}", w.now, "{skip_locked}", w.skipLocked, "{lock_rows}", w.lockRows, "{in_tokens}", w.inTokens, "{no_other_waits}", w.noOtherWaits, "{clear_waiter}", w.clearWaiter,
		"{max_turn}", strconv.FormatInt(conversation.MaxTurn.Microseconds(), 10),
		"{answer_retention}", strconv.FormatInt(conversation.AnswerRetention.Microseconds(), 10),
		"{max_answer_bytes}", strconv.Itoa(conversation.MaxAnswerBytes),
		"{repeat_window}", strconv.FormatInt(conversation.RepeatWindow.Microseconds(), 10),
		"{resume_window}", strconv.FormatInt(conversation.ResumeWindow.Microseconds(), 10),
	).Replace(statement)
}

// queryRow scans the first row of a query, if there is one.
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
	list.Close()
	return found, list.Err()
}

// queryAll scans every row of a query.
func queryAll[T any](ctx context.Context, c conn, scan func(rows) (T, error), statement string, args ...any) ([]T, error) {
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
