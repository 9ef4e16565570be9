package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"achuan/internal/conversation"
)

// readerCount is the number of connections that read.
const readerCount = 4

// errLocked means that another process has locked the database.
var errLocked = errors.New("another achuan process uses it: stop that one, give this one a file of its own, or let both use PostgreSQL")

// sqlite is the backend with one file, or with a database in memory.
type sqlite struct {
	db        *sql.DB
	writer    *writer
	readers   chan *sqliteConn // the idle ones; nil in memory, where the writer has the only connection
	conns     []*sqliteConn    // all connections: closing db does not close those in use
	lock      *os.File
	path      string
	file      os.FileInfo // the file that was opened; nil in memory
	closeOnce sync.Once
	// background are the checkpoints.
	background sync.WaitGroup
	closeErr   error
}

const memoryPath = ":memory:"

func openSQLite(ctx context.Context, path string, o Options) (backend, error) {
	s := &sqlite{}
	if path != memoryPath {
		if err := s.createAndLock(path); err != nil {
			return nil, err
		}
	}
	if err := s.open(ctx, path, o); err != nil {
		return nil, errors.Join(explain(err), s.closeAll())
	}
	return s, nil
}

// createAndLock creates the file if necessary, and locks it for this process.
func (s *sqlite) createAndLock(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("its folder cannot be made: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("it cannot be opened for writing: %w", err)
	}
	s.path = path
	if s.file, err = f.Stat(); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.lock, err = takeLock(path)
	return err
}

// requireInPlace returns an error if the open file is no longer the file at its path.
func (s *sqlite) requireInPlace() error {
	if s.file == nil {
		return nil
	}
	switch info, err := os.Stat(s.path); {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("its file was deleted while it was in use: what is stored now is lost when the server ends; restart it, and restore a backup")
	case err != nil:
		return err
	case !os.SameFile(info, s.file):
		return errors.New("another file was put in its place while it was in use: what is stored now is lost when the server ends; restart it")
	}
	return nil
}

// takeLock locks a database file for this process until the lock is closed.
func takeLock(path string) (*os.File, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("its lock file cannot be opened: %w", err)
	}
	if err := lockFile(lock); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// open connects and prepares the database.
func (s *sqlite) open(ctx context.Context, path string, o Options) (err error) {
	if s.db, err = sql.Open("sqlite", fileURI(path)); err != nil {
		return err
	}
	c, err := s.connectTracked(ctx, o.Now, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; "+
		limitLog)
	if err != nil {
		return err
	}
	if err := prepareSQLite(ctx, c, path); err != nil {
		return err
	}
	if path != memoryPath {
		s.readers = make(chan *sqliteConn, readerCount)
		for range readerCount {
			reader, err := s.connectTracked(ctx, o.Now, "PRAGMA query_only = ON")
			if err != nil {
				return err
			}
			s.readers <- reader
		}
	}
	s.writer = newWriter(c)
	if path == memoryPath {
		return nil
	}
	return s.startCheckpoints(ctx, path, o)
}

// startCheckpoints starts the checkpoints, on a separate connection.
func (s *sqlite) startCheckpoints(ctx context.Context, path string, o Options) error {
	c, err := s.connectTracked(ctx, o.Now, "PRAGMA synchronous = NORMAL")
	if err != nil {
		s.writer.stop()
		return err
	}
	s.background.Go(func() { runCheckpoints(c, path+"-wal", s.writer) })
	return nil
}

// fileURI returns a path as a URI for the driver, so that a path may contain any character.
func fileURI(path string) string {
	if path == memoryPath {
		return path
	}
	slashed := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		slashed = "/" + slashed
	}
	escaped := strings.ReplaceAll((&url.URL{Path: slashed}).EscapedPath(), "?", "%3F")
	return "file:" + escaped
}

// connectTracked is connect for a connection that closeAll closes.
func (s *sqlite) connectTracked(ctx context.Context, now func() time.Time, pragmas string) (*sqliteConn, error) {
	c, err := s.connect(ctx, now, pragmas)
	if c != nil {
		s.conns = append(s.conns, c)
	}
	return c, err
}

// connect opens a connection. The busy timeout is for other programs that use the file:
// within achuan only one writer locks it.
func (s *sqlite) connect(ctx context.Context, now func() time.Time, pragmas string) (*sqliteConn, error) {
	db, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &sqliteConn{db: db, now: now, prepared: map[string]preparedStatement{}}
	return c, c.execScript(ctx, "PRAGMA busy_timeout = 4000; PRAGMA cache_size = -16000; "+pragmas)
}

func (s *sqlite) read(ctx context.Context, f workFunc) error {
	if s.readers == nil {
		return s.writer.submit(ctx, f, false)
	}
	select {
	case c := <-s.readers:
		defer func() { s.readers <- c }()
		return f(ctx, c)
	case <-s.writer.quit:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *sqlite) autocommit(ctx context.Context, f workFunc) error {
	return s.writer.submit(ctx, f, false)
}

func (s *sqlite) transact(ctx context.Context, f workFunc) error {
	return s.writer.submit(ctx, f, true)
}

func (s *sqlite) encodeTokens(list []conversation.Token) any { return encodeTokenList(list) }

// close stops the writer and records that the file holds every commit.
func (s *sqlite) close() error {
	s.closeOnce.Do(func() {
		s.writer.stop()
		s.background.Wait()
		for range cap(s.readers) {
			<-s.readers
		}
		s.closeErr = errors.Join(flushAndMarkClosed(s.writer.conn), s.closeAll())
	})
	return s.closeErr
}

// closeAll closes the connections and the lock.
func (s *sqlite) closeAll() error {
	var errs []error
	for _, c := range s.conns {
		errs = append(errs, c.close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
