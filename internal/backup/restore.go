package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"achuan/internal/store"
)

// Restored is what Restore did.
type Restored struct {
	Manifest
	Replaced string // where the store is that was there before; "" when there was none
}

// most is the largest that a file of a backup may be which is held in memory.
const most = 1 << 20

// errNoBackup says that a file is something else.
var errNoBackup = errors.New("this is no backup that achuan made")

// Restore puts the store of a backup in the place of the one at database, which
// nobody may be using. One that is there already is store.ErrExists, unless force is
// set. Nothing is changed before all of the backup was read and found to be whole.
func Restore(ctx context.Context, r io.Reader, database string, force bool) (Restored, error) {
	var done Restored
	path, err := store.File(database)
	if err != nil {
		return done, err
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return done, err
	}
	snapshot := filepath.Join(folder, "."+filepath.Base(path)+".restored")
	defer os.Remove(snapshot) //nolint:errcheck // not there any more when all went well
	if done.Manifest, err = extract(r, snapshot); err != nil {
		return done, err
	}
	done.Replaced, err = store.Replace(ctx, database, snapshot, force)
	return done, err
}

// extract writes a backup's database to a file, and checks everything on the way.
func extract(r io.Reader, to string) (m Manifest, err error) {
	t := tar.NewReader(r)
	said, err := next(t, manifestFile)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(said, &m); err != nil || m.Format == 0 {
		return m, errNoBackup
	}
	if m.Format > format {
		return m, fmt.Errorf("the backup's format %d is newer than %d, the newest that this achuan reads", m.Format, format)
	}
	settings, err := next(t, settingsFile)
	if err != nil {
		return m, err
	}
	if Digest(settings) != m.SHA256[settingsFile] {
		return m, damaged(settingsFile)
	}
	h, err := t.Next()
	if err != nil || h.Name != databaseFile {
		return m, damaged(databaseFile)
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return m, err
	}
	digest := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, digest), t, h.Size)
	if err := errors.Join(err, f.Close()); err != nil {
		return m, fmt.Errorf("%w: %w", damaged(databaseFile), err)
	}
	if hexOf(digest) != m.SHA256[databaseFile] {
		return m, damaged(databaseFile)
	}
	return m, nil
}

// next reads the next file of a backup, which must have this name.
func next(t *tar.Reader, name string) ([]byte, error) {
	h, err := t.Next()
	if err != nil || h.Name != name || h.Size > most {
		return nil, errNoBackup
	}
	content, err := io.ReadAll(t)
	if err != nil {
		return nil, damaged(name)
	}
	return content, nil
}

func damaged(name string) error {
	return fmt.Errorf("the backup is damaged: %s is not what was written", name)
}
