package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"achuan/internal/conversation"
)

// work is done on a connection. It may be run again after it failed, so all that it
// changes outside the database are results that a second run overwrites.
type work func(ctx context.Context, c conn) error

// backend runs work on one of the two databases.
type backend interface {
	read(ctx context.Context, f work) error  // statements that read
	step(ctx context.Context, f work) error  // statements of which each stands for itself
	write(ctx context.Context, f work) error // statements that are committed together, or not at all
	// tokens is what stands for a list of tokens in a statement's arguments.
	tokens(list []conversation.Token) any
	// cheapReads says that reading first is cheaper than writing in vain.
	cheapReads() bool
	close() error
}

// conn runs statements.
type conn interface {
	exec(ctx context.Context, statement string, args ...any) (affected int64, err error)
	query(ctx context.Context, statement string, args ...any) (rows, error)
	// script runs several statements that take no arguments.
	script(ctx context.Context, statements string) error
}

// rows are those of a query.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// words stand for what the two databases say differently.
type words struct {
	now    string // {now}: the store's clock, in microseconds
	skip   string // {skip}: lock the rows that are read, passing over those that another has locked
	wait   string // {wait}: lock the rows that are read
	tokens string // {tokens}: is one of the tokens $2
	// Of sessions that another process may wait for: {mine} is the condition that nobody
	// does but $4, {served} ends the waiting.
	mine, served string
}

func (w words) fill(statement string) string {
	return strings.NewReplacer(
		"{now}", w.now, "{skip}", w.skip, "{wait}", w.wait, "{tokens}", w.tokens, "{mine}", w.mine, "{served}", w.served,
		"{turn}", strconv.FormatInt(conversation.MaxTurn.Microseconds(), 10),
		"{life}", strconv.FormatInt(conversation.AnswerRetention.Microseconds(), 10),
		"{room}", strconv.Itoa(conversation.MaxAnswerBytes),
		"{repeat}", strconv.FormatInt(conversation.RepeatWindow.Microseconds(), 10),
		"{resume}", strconv.FormatInt(conversation.ResumeWindow.Microseconds(), 10),
	).Replace(statement)
}

// read, step and write bound the time that a lost database can take.

func (s *Store) read(ctx context.Context, f work) error { return s.bounded(ctx, f, s.db.read) }

func (s *Store) step(ctx context.Context, f work) error { return s.bounded(ctx, f, s.db.step) }

func (s *Store) write(ctx context.Context, f work) error { return s.bounded(ctx, f, s.db.write) }

func (s *Store) bounded(ctx context.Context, f work, run func(context.Context, work) error) error {
	if err := s.gate.pass(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	began := time.Now()
	err := run(ctx, f)
	s.gate.report(ctx, began, err)
	s.noteDamage(err)
	return err
}

// probe asks the database for anything, in the way of a write.
func (s *Store) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.db.step(ctx, func(ctx context.Context, c conn) error {
		_, err := one(ctx, c, []any{new(int64)}, findEpoch)
		return err
	})
}

// one scans the first row of a query, if there is one.
func one(ctx context.Context, c conn, dest []any, statement string, args ...any) (found bool, err error) {
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

// all scans every row of a query.
func all[T any](ctx context.Context, c conn, scan func(rows) (T, error), statement string, args ...any) ([]T, error) {
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
