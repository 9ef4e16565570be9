package store

import (
	"context"
	"errors"
)

// errClosed is the error of calls after Close.
var errClosed = errors.New("the store is closed")

// writer is the only goroutine that writes to SQLite. It commits the jobs that arrive while it
// writes together, so that a busy database has few commits.
type writer struct {
	conn *sqliteConn
	jobs chan *job // unbuffered: the writer runs every job that it receives
	// between are functions that run between two transactions.
	between chan func()
	quit    chan struct{}
	done    chan struct{}
}

// job is work whose caller waits for its result.
type job struct {
	ctx context.Context // of the caller
	run workFunc
	// isTransaction says that the statements of run are committed together or not at all.
	isTransaction bool
	err           error
	done          chan struct{}
}

// isDropped reports whether the caller has stopped waiting, and sets the job's error. Such a
// job must not run: its caller may have taken something else, or may have undone the work.
func (j *job) isDropped() bool {
	j.err = context.Cause(j.ctx)
	return j.err != nil
}

// maxGroup limits how many jobs are committed together: the first job waits for all.
const maxGroup = 256

func newWriter(c *sqliteConn) *writer {
	w := &writer{
		conn: c, jobs: make(chan *job), between: make(chan func()),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// submit runs work on the writer and returns when it is committed. If ctx ends before the work
// begins, the work never runs. If ctx ends later, the work may or may not be committed.
func (w *writer) submit(ctx context.Context, f workFunc, isTransaction bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j := &job{ctx: ctx, run: f, isTransaction: isTransaction, done: make(chan struct{})}
	select {
	case w.jobs <- j:
	case <-w.done:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// runBetween runs f on the writer's connection, outside of a transaction.
func (w *writer) runBetween(f func(c *sqliteConn) error) error {
	result := make(chan error, 1)
	select {
	case w.between <- func() { result <- f(w.conn) }:
		return <-result
	case <-w.done:
		return errClosed
	}
}

// stop ends the writer after the jobs that it has received. Only one call is allowed.
func (w *writer) stop() {
	close(w.quit)
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for {
		select {
		case <-w.quit:
			return
		case f := <-w.between:
			f()
		case j := <-w.jobs:
			w.commitGroup(w.gatherWaiting(j))
		}
	}
}

// gatherWaiting returns first and the jobs that wait, up to maxGroup in all.
func (w *writer) gatherWaiting(first *job) []*job {
	group := []*job{first}
	for len(group) < maxGroup {
		select {
		case j := <-w.jobs:
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// commitGroup runs a group of jobs in one transaction. If that fails as a whole, for example
// on a full disk, each job gets its own transaction and error.
func (w *writer) commitGroup(group []*job) {
	if len(group) == 1 || w.runGroup(group) != nil {
		for _, j := range group {
			switch {
			case j.isDropped():
			case j.isTransaction:
				j.err = w.runSingle(j.run)
			default: // each statement commits itself
				j.err = j.run(context.Background(), w.conn)
			}
		}
	}
	for _, j := range group {
		close(j.done)
	}
}

// exec runs a statement that no context cancels: SQLite would roll back the whole group.
func (w *writer) exec(statement string) error {
	_, err := w.conn.exec(context.Background(), statement)
	return err
}

// runSingle runs one job in a transaction.
func (w *writer) runSingle(f workFunc) error {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := f(context.Background(), w.conn)
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil {
		w.rollBack()
	}
	return err
}

// runGroup runs the jobs of a group in one transaction, with a savepoint for each job that is a
// transaction. If it returns an error, nothing is committed.
func (w *writer) runGroup(group []*job) error {
	err := w.exec("BEGIN IMMEDIATE")
	for _, j := range group {
		switch {
		case err != nil, j.isDropped():
		case j.isTransaction:
			err = w.runInSavepoint(j)
		default:
			// SQLite undoes a statement that fails, or it rolls the whole group back.
			if j.err = j.run(context.Background(), w.conn); isFromDatabase(j.err) {
				err = j.err
			}
		}
	}
	if err == nil {
		err = w.exec("COMMIT")
	}
	if err != nil {
		w.rollBack()
	}
	return err
}

// runInSavepoint runs a job and undoes its changes if it fails.
func (w *writer) runInSavepoint(j *job) error {
	if err := w.exec("SAVEPOINT job"); err != nil {
		return err
	}
	if j.err = j.run(context.Background(), w.conn); j.err != nil {
		if err := w.exec("ROLLBACK TO job"); err != nil {
			return err
		}
	}
	return w.exec("RELEASE job")
}

// rollBack ends a transaction that failed. It ignores the error that occurs if SQLite has
// rolled back already.
func (w *writer) rollBack() {
	_ = w.exec("ROLLBACK")
}
