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

// readers is how many connections read beside the writer.
const readers = 4

// errLocked says that another process has the database's lock file.
var errLocked = errors.New("another achuan process uses it: stop that one, give this one a file of its own, or let both use PostgreSQL")

// sqlite is the backend over one file, or over none.
type sqlite struct {
	db      *sql.DB
	writer  *writer
	readers chan *sqliteConn // idle ones; nil in memory, where the writer's connection is the only one
	conns   []*sqliteConn    // all that open opened: closing db leaves those in use alone
	lock    *os.File
	path    string
	file    os.FileInfo // what was at the path when it was opened; nil in memory
	closing sync.Once
	// background are the checkpoints.
	background sync.WaitGroup
	closed     error
}

const memory = ":memory:"

func openSQLite(ctx context.Context, path string, o Options) (backend, error) {
	s := &sqlite{}
	if path != memory {
		if err := s.claim(path); err != nil {
			return nil, err
		}
	}
	if err := s.open(ctx, path, o); err != nil {
		return nil, errors.Join(explain(err), s.release())
	}
	return s, nil
}

// claim makes sure that the file is there, can be written and is this process's alone.
func (s *sqlite) claim(path string) error {
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

// isInPlace tells whether the database's file is still where it was opened.
func (s *sqlite) isInPlace() error {
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

// takeLock makes a database's file this process's alone, until the lock is closed.
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

// open connects, and makes the database ready.
func (s *sqlite) open(ctx context.Context, path string, o Options) (err error) {
	if s.db, err = sql.Open("sqlite", source(path)); err != nil {
		return err
	}
	c, err := s.keep(ctx, o.Now, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0")
	if err != nil {
		return err
	}
	if err := prepareSQLite(ctx, c, path); err != nil {
		return err
	}
	if path != memory {
		s.readers = make(chan *sqliteConn, readers)
		for range readers {
			reader, err := s.keep(ctx, o.Now, "PRAGMA query_only = ON")
			if err != nil {
				return err
			}
			s.readers <- reader
		}
	}
	s.writer = newWriter(c)
	if path == memory {
		return nil
	}
	return s.keepLogShort(ctx, path, o)
}

// keepLogShort begins the checkpoints, on a connection of their own.
func (s *sqlite) keepLogShort(ctx context.Context, path string, o Options) error {
	c, err := s.keep(ctx, o.Now, "PRAGMA synchronous = NORMAL")
	if err != nil {
		s.writer.stop()
		return err
	}
	s.background.Go(func() { checkpoints(c, path+"-wal", s.writer.quit) })
	return nil
}

// source is a path as the driver takes it: a URI, so that a path may hold anything.
func source(path string) string {
	if path == memory {
		return path
	}
	slashed := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		slashed = "/" + slashed
	}
	escaped := strings.ReplaceAll((&url.URL{Path: slashed}).EscapedPath(), "?", "%3F")
	return "file:" + escaped
}

// keep is connect for a connection that lasts until release.
func (s *sqlite) keep(ctx context.Context, now func() time.Time, pragmas string) (*sqliteConn, error) {
	c, err := s.connect(ctx, now, pragmas)
	if c != nil {
		s.conns = append(s.conns, c)
	}
	return c, err
}

// connect opens one more connection. Waiting for a lock is for other programs that
// look into the file: achuan's own writer has it to itself.
func (s *sqlite) connect(ctx context.Context, now func() time.Time, pragmas string) (*sqliteConn, error) {
	db, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &sqliteConn{db: db, now: now, prepared: map[string]prepared{}}
	return c, c.script(ctx, "PRAGMA busy_timeout = 4000; PRAGMA cache_size = -16000; "+pragmas)
}

func (s *sqlite) read(ctx context.Context, f work) error {
	if s.readers == nil {
		return s.writer.do(ctx, f)
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

func (s *sqlite) step(ctx context.Context, f work) error  { return s.writer.do(ctx, f) }
func (s *sqlite) write(ctx context.Context, f work) error { return s.writer.do(ctx, f) }
func (s *sqlite) cheapReads() bool                        { return s.readers != nil }

func (s *sqlite) tokens(list []conversation.Token) any { return tokenList(list) }

// close ends the writer and records that nothing was lost.
func (s *sqlite) close() error {
	s.closing.Do(func() {
		s.writer.stop()
		s.background.Wait()
		for range cap(s.readers) {
			<-s.readers
		}
		s.closed = errors.Join(markClean(s.writer.c), s.release())
	})
	return s.closed
}

// release closes what open opened.
func (s *sqlite) release() error {
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
