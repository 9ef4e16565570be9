// Package backup keeps a SQLite store and the settings in force in one file, and puts
// the store back. The file is a tar archive, so that it can be looked into without
// achuan: manifest.json, which says what the rest is, settings.txt, which names secrets
// but does not hold them, and achuan.db.
//
// How a database is copied while it is in use, and what makes a restored one
// unverified, is package store's. PostgreSQL has tools of its own.
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

	"achuan/internal/store"
)

// The files in a backup, in their order.
const (
	manifestFile = "manifest.json"
	settingsFile = "settings.txt"
	databaseFile = "achuan.db"
)

// format is the form of backups that this package writes and reads.
const format = 1

// Manifest is what a backup says of itself.
type Manifest struct {
	Format  int               `json:"format"`
	Created time.Time         `json:"created"`
	Version string            `json:"version"` // of the achuan that wrote it
	Commit  string            `json:"commit"`
	Schema  int               `json:"schema"` // of the database
	SHA256  map[string]string `json:"sha256"` // of the other files
}

// Options say what is kept.
type Options struct {
	Database        string // the store's URL
	Settings        []byte // as people read them, without secrets
	Version, Commit string
	Now             func() time.Time // nil is time.Now
}

// Write writes a backup to w. The snapshot of the database is made in the folder
// scratch first, because its length stands before it in the archive.
func Write(ctx context.Context, w io.Writer, scratch string, o Options) (Manifest, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := Manifest{Format: format, Created: o.Now().UTC().Truncate(time.Second), Version: o.Version, Commit: o.Commit}
	folder, err := os.MkdirTemp(scratch, ".achuan-backup-*")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what is left says what it is
	snapshot := filepath.Join(folder, databaseFile)
	if m.Schema, err = store.Snapshot(ctx, o.Database, snapshot); err != nil {
		return m, err
	}
	db, err := os.Open(snapshot)
	if err != nil {
		return m, err
	}
	defer db.Close() //nolint:errcheck // it was read only
	digest := sha256.New()
	size, err := io.Copy(digest, db)
	if err != nil {
		return m, err
	}
	if _, err := db.Seek(0, io.SeekStart); err != nil {
		return m, err
	}
	m.SHA256 = map[string]string{settingsFile: Digest(o.Settings), databaseFile: hexOf(digest)}
	return m, archive(w, m, o.Settings, io.LimitReader(db, size), size)
}

// Digest is the hex form of a SHA-256.
func Digest(content []byte) string {
	digest := sha256.Sum256(content)
	return hex.EncodeToString(digest[:])
}

func hexOf(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func archive(w io.Writer, m Manifest, settings []byte, db io.Reader, size int64) error {
	said, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	small := []struct {
		name    string
		content []byte
	}{{manifestFile, append(said, '\n')}, {settingsFile, settings}}
	for _, f := range small {
		if err := t.WriteHeader(header(f.name, int64(len(f.content)), m.Created)); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	if err := t.WriteHeader(header(databaseFile, size, m.Created)); err != nil {
		return err
	}
	if _, err := io.Copy(t, db); err != nil {
		return err
	}
	return t.Close()
}

func header(name string, size int64, at time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at}
}

// ToFile writes a backup to a file, which is there when it is whole and not before,
// and notes beside the store that it was made. A file that is there already is an
// error, unless force is set.
func ToFile(ctx context.Context, path string, force bool, o Options) (Manifest, error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return Manifest{}, fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".achuan-backup-*")
	if err != nil {
		return Manifest{}, err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // not there any more when all went well
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
	return m, Remember(o.Database, m, path)
}
