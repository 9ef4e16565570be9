package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

const (
	draftPrefix     = "draft-"
	maxDraftAge     = time.Hour // of a draft that a process left behind
	cleanUpInterval = time.Hour
	// minAge is how long a blob stays after its last use when room is made: the request that uses it
	// may not have been sent yet.
	minAge = 15 * time.Minute
	// MinUseDistance is the time between two records of a use. It is well below minAge.
	MinUseDistance = 2 * time.Minute
)

// ErrFull says that all blobs in the room are in use.
var ErrFull = errors.New("media: no room for another file")

// FolderOptions configure a Folder.
type FolderOptions struct {
	Path   string        // is created when the first blob is stored
	Room   int64         // bytes for all blobs; 0 sets no limit
	MaxAge time.Duration // after its last use a blob is deleted; 0 means never
	Logger *slog.Logger
	// Needed returns the digests of the blobs that stay, whenever they were used; nil for none.
	Needed func(ctx context.Context) (map[chat.Digest]bool, error)
}

// Folder keeps each blob in a file, whose name is its digest. The file's modification time is the
// last use of the blob. Several processes may share a folder.
type Folder struct {
	opts FolderOptions

	mu   sync.Mutex
	used int64 // bytes of all blobs; -1 before they are counted
}

// BesideDatabase returns the path of the folder for the files of a server whose SQLite database is at
// that path.
func BesideDatabase(path string) string { return filepath.Join(filepath.Dir(path), "blobs") }

// Check reports whether the folder exists, and an error if a file cannot be stored in it. It does not
// create the folder.
func (f *Folder) Check() (exists bool, err error) {
	info, err := os.Stat(f.opts.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.IsDir():
		return false, fmt.Errorf("%s is no folder", f.opts.Path)
	}
	draft, err := f.Create()
	if err != nil {
		return true, err
	}
	draft.Drop()
	return true, nil
}

// NewFolder returns the blobs of a folder. It does not touch the folder.
func NewFolder(o FolderOptions) *Folder { return &Folder{opts: o, used: -1} }

func (f *Folder) pathOf(d chat.Digest) string {
	name := d.String()
	return filepath.Join(f.opts.Path, name[:2], name)
}

// Create begins a blob.
func (f *Folder) Create() (Draft, error) {
	if err := os.MkdirAll(f.opts.Path, 0o700); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(f.opts.Path, draftPrefix) // with mode 0600
	if err != nil {
		return nil, err
	}
	return &folderDraft{fileDraft{File: file}, f}, nil
}

// Open opens a blob, and records that it is used.
func (f *Folder) Open(d chat.Digest) (io.ReadCloser, int64, error) {
	file, err := os.Open(f.pathOf(d))
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close() // nothing was written to it
		return nil, 0, err
	}
	f.markUsed(file.Name(), info)
	return file, info.Size(), nil
}

// markUsed records a use. A failure makes a blob expire earlier, and the client sends it again.
func (f *Folder) markUsed(path string, info fs.FileInfo) {
	if now := time.Now(); now.Sub(info.ModTime()) > MinUseDistance {
		_ = os.Chtimes(path, now, now)
	}
}

// fileDraft is the file of a draft.
type fileDraft struct {
	*os.File
	size int64
}

func (d *fileDraft) Write(p []byte) (int, error) {
	n, err := d.File.Write(p)
	d.size += int64(n)
	return n, err
}

// Drop removes the draft. A file that cannot be removed stays until its folder is cleaned up.
func (d *fileDraft) Drop() {
	_ = d.Close()
	_ = os.Remove(d.Name())
}

type folderDraft struct {
	fileDraft
	folder *Folder
}

// Keep renames the draft to its digest, so that a blob is whole or does not exist.
func (d *folderDraft) Keep(digest chat.Digest) error {
	f := d.folder
	path := f.pathOf(digest)
	if info, err := os.Stat(path); err == nil && info.Size() == d.size {
		f.markUsed(path, info)
		d.Drop()
		return nil
	}
	if err := f.makeRoom(d.size); err != nil {
		return err
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.Rename(d.Name(), path)
}

// makeRoom counts a new blob, and deletes the blobs that were used least recently if the room is
// too small for it.
func (f *Folder) makeRoom(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used >= 0 && (f.opts.Room == 0 || f.used+size <= f.opts.Room) {
		f.used += size
		return nil
	}
	blobs, err := f.count()
	if err != nil {
		return err
	}
	needed, err := f.needed(context.Background())
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if f.opts.Room == 0 || f.used+size <= f.opts.Room || time.Since(b.lastUse) < minAge {
			break
		}
		if !needed[b.digest] && os.Remove(b.path) == nil {
			f.used -= b.size
		}
	}
	if f.opts.Room > 0 && f.used+size > f.opts.Room {
		return fmt.Errorf("%w: %d bytes are used", ErrFull, f.used)
	}
	f.used += size
	return nil
}

// needed returns the digests of the blobs that stay.
func (f *Folder) needed(ctx context.Context) (map[chat.Digest]bool, error) {
	if f.opts.Needed == nil {
		return nil, nil
	}
	return f.opts.Needed(ctx)
}

// count lists the blobs and counts their bytes. The caller holds f.mu.
func (f *Folder) count() ([]folderBlob, error) {
	blobs, err := f.list()
	if err != nil {
		return nil, err
	}
	f.used = 0
	for _, b := range blobs {
		f.used += b.size
	}
	return blobs, nil
}

// Used returns the bytes of all blobs, as far as this process knows of them.
func (f *Folder) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used < 0 {
		_, _ = f.count() // -1 is shown as 0 below
	}
	return max(f.used, 0)
}

// folderBlob is a stored blob.
type folderBlob struct {
	path    string
	digest  chat.Digest
	size    int64
	lastUse time.Time
}

// list returns all blobs, those first that were used least recently. It removes old drafts.
func (f *Folder) list() ([]folderBlob, error) {
	var blobs []folderBlob
	err := filepath.WalkDir(f.opts.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreMissing(err)
		}
		info, err := entry.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		if strings.HasPrefix(entry.Name(), draftPrefix) {
			if time.Since(info.ModTime()) > maxDraftAge {
				_ = os.Remove(path) // the next list tries again
			}
			return nil
		}
		if digest, isBlob := chat.ParseDigest(entry.Name()); isBlob {
			blobs = append(blobs, folderBlob{path, digest, info.Size(), info.ModTime()})
		}
		return nil
	})
	slices.SortFunc(blobs, func(a, b folderBlob) int {
		return cmp.Or(a.lastUse.Compare(b.lastUse), cmp.Compare(a.path, b.path))
	})
	return blobs, err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Run deletes blobs that have not been used for long, until ctx ends.
func (f *Folder) Run(ctx context.Context) {
	cleanUpRegularly(ctx, f.opts.Logger, f.deleteExpired)
}

// cleanUpRegularly calls cleanUp now and at each interval, until ctx ends.
func cleanUpRegularly(ctx context.Context, logger *slog.Logger, cleanUp func(context.Context) error) {
	tick := time.NewTicker(cleanUpInterval)
	defer tick.Stop()
	for {
		if err := cleanUp(ctx); err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "files that nobody uses any more cannot be deleted", telemetry.KeyError, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (f *Folder) deleteExpired(ctx context.Context) error {
	needed, err := f.needed(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	blobs, err := f.list()
	if err != nil {
		return err
	}
	f.used = 0
	for _, b := range blobs {
		if f.opts.MaxAge > 0 && !needed[b.digest] && time.Since(b.lastUse) > f.opts.MaxAge {
			if err = errors.Join(err, os.Remove(b.path)); err == nil {
				continue
			}
		}
		f.used += b.size
	}
	return err
}
