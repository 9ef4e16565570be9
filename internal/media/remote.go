package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// Objects stores bytes under a key, which is never used twice: a bucket, or PostgreSQL.
type Objects interface {
	// Put stores an object of size bytes.
	Put(ctx context.Context, key string, content io.Reader, size int64) error
	// Get opens an object. The error for one that does not exist wraps fs.ErrNotExist.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	// Delete deletes an object; one that does not exist is no error.
	Delete(ctx context.Context, key string) error
}

// Object is an object of an Index.
type Object struct {
	Key  string
	Size int64 // bytes
}

// Unused selects blobs or objects.
type Unused struct {
	Age   time.Duration // they were not used for longer than this
	Limit int
}

// Index records which objects are blobs. All replicas share it.
//
// An object is in the index before it is stored and until it is removed, so that a process that dies
// leaves none behind. It is whole, and the blob of its digest, between Keep and Release.
type Index interface {
	// Find returns the object of a blob and records that it is used.
	Find(ctx context.Context, d chat.Digest) (o Object, found bool, err error)
	// Begin records an object that is about to be stored.
	Begin(ctx context.Context, o Object, d chat.Digest) error
	// Keep records that an object is whole. kept is false if the blob has another object already.
	Keep(ctx context.Context, key string) (kept bool, err error)
	// MarkLost records that the object of a blob does not exist.
	MarkLost(ctx context.Context, key string) error
	// Release takes blobs out of use that no uploaded file needs, those first that were used least
	// recently. The caller removes their objects.
	Release(ctx context.Context, q Unused) ([]Object, error)
	// Left lists objects that are not whole.
	Left(ctx context.Context, q Unused) ([]Object, error)
	// Drop forgets an object that is not whole.
	Drop(ctx context.Context, key string) error
	// Used returns the bytes of all objects.
	Used(ctx context.Context) (int64, error)
}

const (
	objectTimeout = time.Minute // of a blob that is stored or read
	releaseSize   = 100         // blobs that are removed together
	// maxPutAge is how long an object that is not whole stays: its process has died.
	maxPutAge = time.Hour
)

// RemoteOptions configure a Remote.
type RemoteOptions struct {
	Index   Index
	Objects Objects
	Room    int64         // bytes for all blobs; 0 sets no limit
	MaxAge  time.Duration // after its last use a blob is deleted; 0 means never
	Logger  *slog.Logger
}

// Remote keeps blobs as objects, which replicas share.
type Remote struct{ opts RemoteOptions }

// NewRemote returns the blobs of an index.
func NewRemote(o RemoteOptions) *Remote { return &Remote{o} }

// Create begins a blob, in a temporary file: its digest and size are known at its end.
func (r *Remote) Create() (Draft, error) {
	file, err := os.CreateTemp("", "achuan-"+draftPrefix) // with mode 0600
	if err != nil {
		return nil, err
	}
	return &remoteDraft{fileDraft{File: file}, r}, nil
}

// Open opens a blob, and records that it is used.
func (r *Remote) Open(d chat.Digest) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), objectTimeout)
	o, found, err := r.opts.Index.Find(ctx, d)
	if err == nil && !found {
		err = fs.ErrNotExist
	}
	if err != nil {
		cancel()
		return nil, 0, err
	}
	content, err := r.opts.Objects.Get(ctx, o.Key)
	if errors.Is(err, fs.ErrNotExist) { // somebody else has deleted it: the same bytes are stored again
		err = errors.Join(err, r.opts.Index.MarkLost(ctx, o.Key))
	}
	if err != nil {
		cancel()
		return nil, 0, err
	}
	return &openObject{content, cancel}, o.Size, nil
}

// openObject ends the context of an object when it is closed.
type openObject struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (o *openObject) Close() error {
	defer o.cancel()
	return o.ReadCloser.Close()
}

// Used returns the bytes of all blobs, or 0 if they are not known.
func (r *Remote) Used() int64 {
	ctx, cancel := context.WithTimeout(context.Background(), objectTimeout)
	defer cancel()
	used, _ := r.opts.Index.Used(ctx) // 0 is shown
	return used
}

type remoteDraft struct {
	fileDraft
	remote *Remote
}

// Keep stores the draft as an object.
func (d *remoteDraft) Keep(digest chat.Digest) error {
	ctx, cancel := context.WithTimeout(context.Background(), objectTimeout)
	defer cancel()
	if _, err := d.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := d.remote.put(ctx, digest, d.File, d.size); err != nil {
		return err
	}
	d.Drop()
	return nil
}

// put stores a blob, unless it exists.
func (r *Remote) put(ctx context.Context, digest chat.Digest, content io.Reader, size int64) error {
	index := r.opts.Index
	if _, found, err := index.Find(ctx, digest); err != nil || found {
		return err
	}
	if err := r.makeRoom(ctx, size); err != nil {
		return err
	}
	o := Object{Key: digest.String() + "-" + rand.Text(), Size: size}
	if err := index.Begin(ctx, o, digest); err != nil {
		return err
	}
	err := r.opts.Objects.Put(ctx, o.Key, content, size)
	isKept := false
	if err == nil {
		isKept, err = index.Keep(ctx, o.Key)
	}
	if !isKept { // it failed, or another request has stored the same bytes meanwhile
		if removeErr := r.remove(context.WithoutCancel(ctx), o); removeErr != nil {
			r.opts.Logger.WarnContext(ctx, "a file that is not needed cannot be removed now", telemetry.KeyError, removeErr)
		}
	}
	return err
}

// makeRoom removes the blobs that were used least recently if the room is too small for another.
func (r *Remote) makeRoom(ctx context.Context, size int64) error {
	if r.opts.Room == 0 {
		return nil
	}
	used, err := r.opts.Index.Used(ctx)
	if err != nil {
		return err
	}
	for used+size > r.opts.Room {
		removed, err := r.release(ctx, Unused{Age: minAge, Limit: releaseSize})
		if err != nil {
			return err
		}
		if len(removed) == 0 {
			return fmt.Errorf("%w: %d bytes are used", ErrFull, used)
		}
		for _, o := range removed {
			used -= o.Size
		}
	}
	return nil
}

// release takes blobs out of use and removes their objects.
func (r *Remote) release(ctx context.Context, q Unused) ([]Object, error) {
	list, err := r.opts.Index.Release(ctx, q)
	if err != nil {
		return nil, err
	}
	return list, r.removeAll(ctx, list)
}

func (r *Remote) removeAll(ctx context.Context, list []Object) error {
	var errs []error
	for _, o := range list {
		errs = append(errs, r.remove(ctx, o))
	}
	return errors.Join(errs...)
}

// remove removes an object that is not whole, and then forgets it. Left lists it until then.
func (r *Remote) remove(ctx context.Context, o Object) error {
	if err := r.opts.Objects.Delete(ctx, o.Key); err != nil {
		return err
	}
	return r.opts.Index.Drop(ctx, o.Key)
}

// Run deletes blobs that have not been used for long, and objects that processes left behind, until ctx
// ends.
func (r *Remote) Run(ctx context.Context) {
	cleanUpRegularly(ctx, r.opts.Logger, r.CleanUp)
}

// CleanUp deletes what Run deletes, once.
func (r *Remote) CleanUp(ctx context.Context) error {
	left, err := r.opts.Index.Left(ctx, Unused{Age: maxPutAge, Limit: releaseSize})
	if err == nil {
		err = r.removeAll(ctx, left)
	}
	for more := r.opts.MaxAge > 0; err == nil && more; {
		var removed []Object
		removed, err = r.release(ctx, Unused{Age: r.opts.MaxAge, Limit: releaseSize})
		more = len(removed) == releaseSize
	}
	return err
}
