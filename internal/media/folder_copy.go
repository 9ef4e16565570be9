package media

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"achuan/internal/chat"
)

// Each calls visit with every blob, those first that were used least recently. It does not count as a use. A blob
// that is deleted meanwhile is left out. An error of visit ends it.
func (f *Folder) Each(visit func(d chat.Digest, size int64, content io.Reader) error) error {
	blobs, err := f.list()
	if err != nil {
		return err
	}
	for _, b := range blobs {
		if err := visitBlob(b, visit); err != nil {
			return err
		}
	}
	return nil
}

func visitBlob(b folderBlob, visit func(chat.Digest, int64, io.Reader) error) error {
	file, err := os.Open(b.path)
	if err != nil {
		return ignoreMissing(err)
	}
	defer file.Close() //nolint:errcheck // closing a file that was only read loses nothing
	return visit(b.digest, b.size, file)
}

// Put stores a blob. It fails, and stores nothing, if the content does not have that digest.
func (f *Folder) Put(d chat.Digest, content io.Reader) error {
	draft, err := f.Create()
	if err != nil {
		return err
	}
	hash := sha256.New()
	if _, err = io.Copy(io.MultiWriter(draft, hash), content); err == nil && chat.Digest(hash.Sum(nil)) != d {
		err = fmt.Errorf("the blob %s has other bytes", d)
	}
	if err == nil {
		err = draft.Keep(d)
	}
	if err != nil {
		draft.Drop()
	}
	return err
}

// MoveTo moves all blobs into another folder of the same file system, where they count as used now. A blob that the
// other folder has already stays as it is there.
func (f *Folder) MoveTo(other *Folder) error {
	blobs, err := f.list()
	if err != nil {
		return err
	}
	for _, b := range blobs {
		path := other.pathOf(b.digest)
		if info, err := os.Stat(path); err == nil && info.Size() == b.size {
			other.markUsed(path, info)
			continue
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.Rename(b.path, path)); err != nil {
			return err
		}
	}
	return os.RemoveAll(f.opts.Path)
}
