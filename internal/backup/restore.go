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
	"strings"

	"achuan/internal/chat"
	"achuan/internal/media"
	"achuan/internal/store"
)

// Restored describes what Restore did.
type Restored struct {
	Manifest
	Replaced string // path of the old store, which was moved aside; "" when there was none
}

// maxTextFile is the largest size of the manifest and of the settings, which are read into memory.
const maxTextFile = 1 << 20

// errNotBackup says that a file is not a backup.
var errNotBackup = errors.New("this is no backup that achuan made")

// Restore replaces the store at database, which must not be in use, with the store in a backup, and adds the files of
// requests to the folder beside it. An existing store is store.ErrExists, unless force is set. Restore changes nothing
// before it has read and checked the whole backup.
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
	defer os.Remove(snapshot) //nolint:errcheck // after a success the file has been renamed
	blobFolder := snapshot + "-blobs"
	defer os.RemoveAll(blobFolder) //nolint:errcheck // as above
	blobs := media.NewFolder(media.FolderOptions{Path: blobFolder})
	if done.Manifest, err = extract(r, snapshot, blobs); err != nil {
		return done, err
	}
	if done.Replaced, err = store.Replace(ctx, database, snapshot, force); err != nil {
		return done, err
	}
	return done, blobs.MoveTo(media.NewFolder(media.FolderOptions{Path: media.BesideDatabase(path)}))
}

// extract writes a backup's database to a file, its blobs to a folder, and checks the digests of all its files.
func extract(r io.Reader, path string, blobs *media.Folder) (m Manifest, err error) {
	archive := tar.NewReader(r)
	manifest, err := readTextFile(archive, manifestFile)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(manifest, &m); err != nil || m.Format == 0 {
		return m, errNotBackup
	}
	if m.Format > formatVersion {
		return m, fmt.Errorf("the backup's format %d is newer than %d, the newest that this achuan reads", m.Format, formatVersion)
	}
	settings, err := readTextFile(archive, settingsFile)
	if err != nil {
		return m, err
	}
	if Digest(settings) != m.SHA256[settingsFile] {
		return m, damagedError(settingsFile)
	}
	if err := extractDatabase(archive, path, m.SHA256[databaseFile]); err != nil {
		return m, err
	}
	if !m.Blobs {
		return m, nil
	}
	return m, extractBlobs(archive, blobs)
}

// extractDatabase writes the next file of a backup, which must be the database with that digest, to a file.
func extractDatabase(archive *tar.Reader, path, want string) error {
	h, err := archive.Next()
	if err != nil || h.Name != databaseFile {
		return damagedError(databaseFile)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	digest := sha256.New()
	_, err = io.CopyN(io.MultiWriter(f, digest), archive, h.Size)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%w: %w", damagedError(databaseFile), err)
	}
	if hexSum(digest) != want {
		return damagedError(databaseFile)
	}
	return nil
}

// extractBlobs writes the rest of a backup, which must be blobs and the end, to a folder.
func extractBlobs(archive *tar.Reader, blobs *media.Folder) error {
	for {
		h, err := archive.Next()
		if err != nil {
			return damagedError(endFile)
		}
		if h.Name == endFile {
			return nil
		}
		name, isInFolder := strings.CutPrefix(h.Name, blobFolder)
		digest, isDigest := chat.ParseDigest(name)
		if !isInFolder || !isDigest || h.Typeflag != tar.TypeReg || digest.String() != name {
			return damagedError(h.Name)
		}
		if err := blobs.Put(digest, archive); err != nil {
			return fmt.Errorf("%w: %w", damagedError(h.Name), err)
		}
	}
}

// readTextFile reads the next file of a backup, which must have this name.
func readTextFile(archive *tar.Reader, name string) ([]byte, error) {
	h, err := archive.Next()
	if err != nil || h.Name != name || h.Size > maxTextFile {
		return nil, errNotBackup
	}
	content, err := io.ReadAll(archive)
	if err != nil {
		return nil, damagedError(name)
	}
	return content, nil
}

func damagedError(name string) error {
	return fmt.Errorf("the backup is damaged: %s is not what was written", name)
}
