package store

import (
	"context"
	"errors"
)

// errClosed is what work gets after the store was closed.
var errClosed = errors.New("the store is closed")

// writer is the one goroutine that writes to SQLite. What waits while it writes is
// committed together next, so that a busy store commits rarely.
type writer struct {
	conn *sqliteConn
	jobs chan *job // unbuffered: work that is taken off it is done, other work never
	quit chan struct{}
	done chan struct{}
}

// job is work that somebody waits for.
type job struct {
	ctx  context.Context // of who waits
	run  workFunc
	err  error
	done chan struct{}
}

// isDropped drops the job when nobody waits for it any more: its requester may have taken
// something else by then, or may undo the work as if it had been done.
func (j *job) isDropped() bool {
	j.err = context.Cause(j.ctx)
	return j.err != nil
}

// maxGroup bounds how much is committed together: whoever came first waits for all.
const maxGroup = 256

func newWriter(c *sqliteConn) *writer {
	w := &writer{conn: c, jobs: make(chan *job), quit: make(chan struct{}), done: make(chan struct{})}
	go w.run()
	return w
}

// submit has work done and returns when it is committed. Work that has not begun when ctx
// ends is dropped. When ctx ends while it is being done, nobody knows whether it will be.
func (w *writer) submit(ctx context.Context, f workFunc) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j := &job{ctx: ctx, run: f, done: make(chan struct{})}
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

// stop ends the writer when it is done with what it has. It may be called once.
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
		case j := <-w.jobs:
			w.commitGroup(w.gatherWaiting(j))
		}
	}
}

// gatherWaiting returns first with all that waits beside it.
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

// commitGroup does the group's work in one transaction. Should that fail as a whole, as
// on a full disk, each piece gets a transaction and an error of its own.
func (w *writer) commitGroup(group []*job) {
	if len(group) == 1 || w.runGroup(group) != nil {
		for _, j := range group {
			if !j.isDropped() {
				j.err = w.runSingle(j.run)
			}
		}
	}
	for _, j := range group {
		close(j.done)
	}
}

// Work that has begun is finished: SQLite would roll back the others' too.
func (w *writer) exec(statement string) error {
	_, err := w.conn.exec(context.Background(), statement)
	return err
}

// runSingle does one piece of work in a transaction.
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

// runGroup does the group's work in one transaction, a savepoint to a piece. When it
// returns an error, nothing was done.
func (w *writer) runGroup(group []*job) error {
	err := w.exec("BEGIN IMMEDIATE")
	for _, j := range group {
		if err == nil && !j.isDropped() {
			err = w.runInSavepoint(j)
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

func (w *writer) runInSavepoint(j *job) error {
	if err := w.exec("SAVEPOINT piece"); err != nil {
		return err
	}
	if j.err = j.run(context.Background(), w.conn); j.err != nil {
		if err := w.exec("ROLLBACK TO piece"); err != nil {
			return err
		}
	}
	return w.exec("RELEASE piece")
}

// rollBack ends a transaction that failed. SQLite may have ended it by itself, which
// is then the error.
func (w *writer) rollBack() {
	_ = w.exec("ROLLBACK")
}
