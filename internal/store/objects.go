package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"

	"achuan/internal/media"
)

// pieceSize is the size of a piece of an object in bytes.
const pieceSize = 256 << 10

const (
	insertPiece  = `INSERT INTO objects (key, piece, bytes) VALUES ($1, $2, $3)`
	findPiece    = `SELECT bytes FROM objects WHERE key = $1 AND piece = $2`
	deletePieces = `DELETE FROM objects WHERE key = $1`
)

// Objects keeps objects in a PostgreSQL database, in pieces. It implements media.Objects.
type Objects struct{ db *DB }

// Objects returns the objects of a PostgreSQL database.
func (d *DB) Objects() Objects { return Objects{d} }

var _ media.Objects = Objects{}

// Put stores an object.
func (o Objects) Put(ctx context.Context, key string, content io.Reader, _ int64) error {
	buffer := make([]byte, pieceSize)
	for piece := int64(0); ; piece++ {
		n, err := io.ReadFull(content, buffer)
		if n > 0 {
			if err := BlobIndex(o).exec(ctx, insertPiece, key, piece, buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// Get opens an object. Its pieces are read as they are needed.
func (o Objects) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	r := &objectReader{ctx: ctx, db: o.db, key: key}
	if err := r.load(); err != nil {
		return nil, err
	}
	return r, nil
}

// Delete deletes an object; one that does not exist is no error.
func (o Objects) Delete(ctx context.Context, key string) error {
	return BlobIndex(o).exec(ctx, deletePieces, key)
}

// objectReader reads an object piece by piece.
type objectReader struct {
	ctx     context.Context
	db      *DB
	key     string
	next    int64 // the next piece
	current bytes.Reader
	isOver  bool
}

// load reads the next piece.
func (r *objectReader) load() error {
	var piece []byte
	var found bool
	err := r.db.read(r.ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryRow(ctx, c, []any{&piece}, findPiece, r.key, r.next)
		return err
	})
	switch {
	case err != nil:
		return err
	case !found && r.next == 0:
		return fs.ErrNotExist
	}
	r.next++
	r.isOver = len(piece) < pieceSize
	r.current.Reset(piece)
	return nil
}

func (r *objectReader) Read(p []byte) (int, error) {
	if r.current.Len() == 0 {
		if r.isOver {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n, err := r.current.Read(p)
	if errors.Is(err, io.EOF) {
		return n, io.EOF // the piece after a last full one is empty
	}
	return n, err
}

// Close does nothing.
func (*objectReader) Close() error { return nil }
