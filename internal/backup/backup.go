// Package backup writes a SQLite store, the files of requests and the settings in force into one file, and restores
// the store and the files from it. The backup is a tar archive, which common tools can read: manifest.json describes
// the other files, settings.txt has the settings without their secrets, and achuan.db is the database. The files of
// requests follow as blobs/DIGEST, where DIGEST is the SHA-256 of the content in hex, and the empty file end.
//
// Package store copies a database that is in use and marks the sessions of a restored database as unverified.
// PostgreSQL is backed up with its own tools.
package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"achuan/internal/chat"
	"achuan/internal/media"
	"achuan/internal/store"
)

// The files in a backup, in this order.
const (
	manifestFile = "manifest.json"
	settingsFile = "settings.txt"
	databaseFile = "achuan.db"
	blobFolder   = "blobs/"
	endFile      = "end" // says that no blob is missing
)

// formatVersion is the version of the backup format that this package writes and reads.
const formatVersion = 1

// Manifest describes a backup.
type Manifest struct {
	Format  int               `json:"format"`
	Created time.Time         `json:"created"`
	Version string            `json:"version"` // version of the achuan that wrote it
	Commit  string            `json:"commit"`
	Schema  int               `json:"schema"` // schema version of the database
	SHA256  map[string]string `json:"sha256"` // hex digests of the other files, by name
	Blobs   bool              `json:"blobs"`  // the archive has the files of requests
}

// Options say what to back up.
type Options struct {
	Database        string        // the store's URL
	Settings        []byte        // as `achuan config` prints them, without secrets
	Blobs           *media.Folder // the files of requests; nil leaves them out
	Version, Commit string
	Now             func() time.Time // nil is time.Now
}

// Write writes a backup to w. It first makes a snapshot of the database in a folder below tempDir, because the archive
// needs the snapshot's length before its content.
func Write(ctx context.Context, w io.Writer, tempDir string, o Options) (Manifest, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := Manifest{
		Format: formatVersion, Created: o.Now().UTC().Truncate(time.Second), Version: o.Version, Commit: o.Commit,
		Blobs: o.Blobs != nil,
	}
	folder, err := os.MkdirTemp(tempDir, ".achuan-backup-*")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the name of what remains says what it is
	snapshot := filepath.Join(folder, databaseFile)
	if m.Schema, err = store.Snapshot(ctx, o.Database, snapshot); err != nil {
		return m, err
	}
	db, err := os.Open(snapshot)
	if err != nil {
		return m, err
	}
	defer db.Close() //nolint:errcheck // closing a file that was only read loses nothing
	digest := sha256.New()
	size, err := io.Copy(digest, db)
	if err != nil {
		return m, err
	}
	if _, err := db.Seek(0, io.SeekStart); err != nil {
		return m, err
	}
	m.SHA256 = map[string]string{settingsFile: Digest(o.Settings), databaseFile: hexSum(digest)}
	archive := tar.NewWriter(w)
	if err := writeFiles(archive, m, o.Settings, io.LimitReader(db, size), size); err != nil {
		return m, err
	}
	if o.Blobs != nil {
		if err := writeBlobs(archive, o.Blobs, m.Created); err != nil {
			return m, err
		}
	}
	return m, archive.Close()
}

// Digest returns the SHA-256 of content in hex.
func Digest(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// writeFiles writes the files of a backup but the blobs; size is the length of db.
func writeFiles(archive *tar.Writer, m Manifest, settings []byte, db io.Reader, size int64) error {
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	texts := []struct {
		name    string
		content []byte
	}{{manifestFile, append(manifest, '\n')}, {settingsFile, settings}}
	for _, f := range texts {
		if err := archive.WriteHeader(newHeader(f.name, int64(len(f.content)), m.Created)); err != nil {
			return err
		}
		if _, err := archive.Write(f.content); err != nil {
			return err
		}
	}
	if err := archive.WriteHeader(newHeader(databaseFile, size, m.Created)); err != nil {
		return err
	}
	_, err = io.Copy(archive, db)
	return err
}

// writeBlobs writes the files of requests and the end. A blob never changes, so its size in the list is right, or it is
// gone.
func writeBlobs(archive *tar.Writer, blobs *media.Folder, modified time.Time) error {
	err := blobs.Each(func(d chat.Digest, size int64, content io.Reader) error {
		if err := archive.WriteHeader(newHeader(blobFolder+d.String(), size, modified)); err != nil {
			return err
		}
		_, err := io.Copy(archive, content)
		return err
	})
	if err != nil {
		return err
	}
	return archive.WriteHeader(newHeader(endFile, 0, modified))
}

func newHeader(name string, size int64, modified time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: modified}
}

// ToFile writes a backup to a file and saves a note about it beside the store. The file appears only when it is
// complete. An existing file is os.ErrExist, unless force is set.
func ToFile(ctx context.Context, path string, force bool, o Options) (Manifest, error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return Manifest{}, fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".achuan-backup-*")
	if err != nil {
		return Manifest{}, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // after a success the file has been renamed
	m, err := Write(ctx, f, folder, o)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return m, err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return m, err
	}
	return m, SaveNote(o.Database, m, path)
}
