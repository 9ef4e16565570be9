package store

import (
	"context"

	"achuan/internal/chat"
	"achuan/internal/media"
)

const (
	findBlob = `SELECT key, size, used < {now} - $2 FROM blobs WHERE digest = $1 AND whole`
	useBlob  = `UPDATE blobs SET used = {now} WHERE key = $1 AND whole`
	sumBlobs = `SELECT COALESCE(SUM(size), 0) FROM blobs`
	// releaseBlobs takes up to $2 blobs that no file needs and that were not used for $1, those first
	// that were used least recently. Their objects are then removed.
	releaseBlobs = `
UPDATE blobs SET whole = FALSE, used = {now} WHERE key IN (
	SELECT key FROM blobs WHERE whole AND used < {now} - $1
		AND NOT EXISTS (SELECT 1 FROM files WHERE files.digest = blobs.digest)
	ORDER BY used LIMIT $2)
RETURNING key, size`
	listLeftObjects = `SELECT key, size FROM blobs WHERE NOT whole AND used < {now} - $1 LIMIT $2`
	beginBlob       = `INSERT INTO blobs (key, digest, size, used, whole) VALUES ($1, $2, $3, {now}, FALSE)`
	keepBlob        = `
UPDATE blobs SET whole = TRUE, used = {now}
WHERE key = $1 AND NOT EXISTS (SELECT 1 FROM blobs AS other WHERE other.digest = blobs.digest AND other.whole)`
	loseBlob = `UPDATE blobs SET whole = FALSE, used = {now} WHERE key = $1`
	dropBlob = `DELETE FROM blobs WHERE key = $1 AND NOT whole`
)

// BlobIndex records the blobs whose bytes are objects. It implements media.Index.
type BlobIndex struct{ db *DB }

// BlobIndex returns the index of a database.
func (d *DB) BlobIndex() BlobIndex { return BlobIndex{d} }

var _ media.Index = BlobIndex{}

// Find returns the object of a blob and records that it is used.
func (i BlobIndex) Find(ctx context.Context, digest chat.Digest) (o media.Object, found bool, err error) {
	var isOld bool
	err = i.db.read(ctx, func(ctx context.Context, c conn) error {
		dest := []any{&o.Key, &o.Size, &isOld}
		found, err = queryRow(ctx, c, dest, findBlob, digest[:], media.MinUseDistance.Microseconds())
		return err
	})
	if err != nil || !isOld {
		return o, found, err
	}
	return o, found, i.exec(ctx, useBlob, o.Key)
}

// Begin records an object that is about to be written.
func (i BlobIndex) Begin(ctx context.Context, o media.Object, digest chat.Digest) error {
	return i.exec(ctx, beginBlob, o.Key, digest[:], o.Size)
}

// Keep records that an object is whole. kept is false if the blob has another object already.
func (i BlobIndex) Keep(ctx context.Context, key string) (kept bool, err error) {
	err = i.db.autocommit(ctx, func(ctx context.Context, c conn) error {
		n, err := c.exec(ctx, keepBlob, key)
		kept = n > 0
		return err
	})
	return kept && err == nil, err
}

// Drop forgets an object that is removed.
func (i BlobIndex) Drop(ctx context.Context, key string) error { return i.exec(ctx, dropBlob, key) }

// MarkLost records that the object of a blob does not exist.
func (i BlobIndex) MarkLost(ctx context.Context, key string) error { return i.exec(ctx, loseBlob, key) }

// Used returns the bytes of all objects.
func (i BlobIndex) Used(ctx context.Context) (size int64, err error) {
	err = i.db.read(ctx, func(ctx context.Context, c conn) error {
		_, err := queryRow(ctx, c, []any{&size}, sumBlobs)
		return err
	})
	return size, err
}

// Release takes blobs out of use; see media.Index.
func (i BlobIndex) Release(ctx context.Context, q media.Unused) (list []media.Object, err error) {
	err = i.db.autocommit(ctx, func(ctx context.Context, c conn) (err error) {
		if _, err := c.exec(ctx, deleteExpiredFiles); err != nil { // they would keep their blobs
			return err
		}
		list, err = queryAll(ctx, c, scanObject, releaseBlobs, q.Age.Microseconds(), int64(q.Limit))
		return err
	})
	return list, err
}

// Left lists objects that a process has left behind; see media.Index.
func (i BlobIndex) Left(ctx context.Context, q media.Unused) (list []media.Object, err error) {
	err = i.db.read(ctx, func(ctx context.Context, c conn) (err error) {
		list, err = queryAll(ctx, c, scanObject, listLeftObjects, q.Age.Microseconds(), int64(q.Limit))
		return err
	})
	return list, err
}

func (i BlobIndex) exec(ctx context.Context, statement string, args ...any) error {
	return i.db.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, statement, args...)
		return err
	})
}

func scanObject(r rows) (o media.Object, err error) {
	err = r.Scan(&o.Key, &o.Size)
	return o, err
}
