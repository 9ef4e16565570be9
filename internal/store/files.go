package store

import (
	"context"
	"time"

	"achuan/internal/chat"
)

// MaxFiles limits the files that a caller has uploaded.
const MaxFiles = 10_000

const (
	fileColumns = `id, created, expires, digest, size, type, name, purpose`
	isLiveFile  = `(expires = 0 OR expires > {now})`
	countFiles  = `SELECT COUNT(*) FROM files WHERE account = $1 AND caller = $2 AND ` + isLiveFile
	insertFile  = `
INSERT INTO files (account, caller, ` + fileColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	findFile   = `SELECT ` + fileColumns + ` FROM files WHERE account = $1 AND caller = $2 AND id = $3 AND ` + isLiveFile
	deleteFile = `DELETE FROM files WHERE account = $1 AND caller = $2 AND id = $3`
	// listNewest and listOldest list the files after the one that was created at $5 with the id $6.
	listFiles  = `SELECT ` + fileColumns + ` FROM files WHERE account = $1 AND caller = $2 AND ($3 = '' OR purpose = $3) AND ` + isLiveFile
	listNewest = listFiles + ` AND (created, id) < ($5, $6) ORDER BY created DESC, id DESC LIMIT $4`
	listOldest = listFiles + ` AND (created, id) > ($5, $6) ORDER BY created, id LIMIT $4`

	deleteExpiredFiles = `DELETE FROM files WHERE NOT ` + isLiveFile
	listFileDigests    = `SELECT DISTINCT digest FROM files`
)

// AddFile stores a file of a caller, whose bytes are stored already. It returns chat.ErrTooManyFiles when
// the caller has too many.
func (s *Store) AddFile(ctx context.Context, caller string, f chat.UploadedFile) error {
	return s.transact(ctx, func(ctx context.Context, c conn) error {
		if s.kind == KindPostgres { // a client does not repeat the upload when the last commits are lost
			if err := c.execScript(ctx, "SET LOCAL synchronous_commit = on"); err != nil {
				return err
			}
		}
		var count int
		if _, err := queryRow(ctx, c, []any{&count}, countFiles, s.account, caller); err != nil {
			return err
		}
		if count >= MaxFiles {
			return chat.ErrTooManyFiles
		}
		_, err := c.exec(ctx, insertFile, s.account, caller, f.ID, toMicros(f.Created), toMicros(f.Expires),
			f.Digest[:], f.Size, f.Type, f.Name, f.Purpose)
		return err
	})
}

// FindFile returns a file of a caller, or chat.ErrNoFile.
func (s *Store) FindFile(ctx context.Context, caller, id string) (chat.UploadedFile, error) {
	var found []chat.UploadedFile
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryAll(ctx, c, scanFile, findFile, s.account, caller, id)
		return err
	})
	switch {
	case err != nil:
		return chat.UploadedFile{}, err
	case len(found) == 0:
		return chat.UploadedFile{}, chat.ErrNoFile
	}
	return found[0], nil
}

// ListFiles returns a page of a caller's files, and whether there are more. If After is no file of the
// caller, the error is chat.ErrNoFile.
func (s *Store) ListFiles(
	ctx context.Context, caller string, q chat.FileQuery,
) (page []chat.UploadedFile, hasMore bool, err error) {
	statement, from := listNewest, chat.UploadedFile{Created: time.UnixMicro(1 << 60)}
	if q.Oldest {
		statement, from.Created = listOldest, time.UnixMicro(-1)
	}
	if q.After != "" {
		if from, err = s.FindFile(ctx, caller, q.After); err != nil {
			return nil, false, err
		}
	}
	err = s.read(ctx, func(ctx context.Context, c conn) (err error) {
		page, err = queryAll(ctx, c, scanFile, statement,
			s.account, caller, q.Purpose, int64(q.Limit)+1, from.Created.UnixMicro(), from.ID)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if len(page) > q.Limit {
		return page[:q.Limit], true, nil
	}
	return page, false, nil
}

// DeleteFile deletes a file of a caller, or returns chat.ErrNoFile.
func (s *Store) DeleteFile(ctx context.Context, caller, id string) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		deleted, err := c.exec(ctx, deleteFile, s.account, caller, id)
		if err == nil && deleted == 0 {
			err = chat.ErrNoFile
		}
		return err
	})
}

// FileDigests deletes the files that have expired, and returns the digests of all others, of all
// accounts.
func (d *DB) FileDigests(ctx context.Context) (map[chat.Digest]bool, error) {
	digests := map[chat.Digest]bool{}
	err := d.autocommit(ctx, func(ctx context.Context, c conn) error {
		clear(digests)
		if _, err := c.exec(ctx, deleteExpiredFiles); err != nil {
			return err
		}
		list, err := queryAll(ctx, c, scanDigest, listFileDigests)
		for _, digest := range list {
			digests[digest] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return digests, nil
}

func scanDigest(r rows) (d chat.Digest, err error) {
	var raw []byte
	err = r.Scan(&raw)
	copy(d[:], raw)
	return d, err
}

func scanFile(r rows) (f chat.UploadedFile, err error) {
	var created, expires int64
	var digest []byte
	err = r.Scan(&f.ID, &created, &expires, &digest, &f.Size, &f.Type, &f.Name, &f.Purpose)
	f.Created, f.Expires = time.UnixMicro(created), fromMicros(expires)
	copy(f.Digest[:], digest)
	return f, err
}
