package backup_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/backup"
	"achuan/internal/chat"
	"achuan/internal/media"
)

func blobsBeside(database string) *media.Folder {
	path := strings.TrimPrefix(database, "sqlite:")
	return media.NewFolder(media.FolderOptions{Path: media.BesideDatabase(path)})
}

// putBlobs stores contents and returns them by their digests.
func putBlobs(t *testing.T, f *media.Folder, contents ...string) map[string]string {
	t.Helper()
	stored := map[string]string{}
	for _, content := range contents {
		digest := chat.Digest(sha256.Sum256([]byte(content)))
		if err := f.Put(digest, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		stored[digest.String()] = content
	}
	return stored
}

func readBlobs(t *testing.T, f *media.Folder) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := f.Each(func(d chat.Digest, _ int64, content io.Reader) error {
		b, err := io.ReadAll(content)
		found[d.String()] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// newBackupWithBlobs returns a backup of a new store with two files.
func newBackupWithBlobs(t *testing.T) (content []byte, blobs map[string]string) {
	t.Helper()
	o := testOptions(newStore(t))
	o.Blobs = blobsBeside(o.Database)
	blobs = putBlobs(t, o.Blobs, "first file", "second file")
	var b bytes.Buffer
	m, err := backup.Write(t.Context(), &b, t.TempDir(), o)
	if err != nil || !m.Blobs {
		t.Fatalf("Write = %+v, %v, want a backup with files", m, err)
	}
	return b.Bytes(), blobs
}

func TestBlobsAreRestored(t *testing.T) {
	content, want := newBackupWithBlobs(t)
	database := newStore(t)
	kept := putBlobs(t, blobsBeside(database), "a file of the old store", "first file")
	if _, err := backup.Restore(t.Context(), bytes.NewReader(content), database, true); err != nil {
		t.Fatal(err)
	}
	maps.Copy(want, kept)
	if diff := cmp.Diff(want, readBlobs(t, blobsBeside(database))); diff != "" {
		t.Errorf("files after Restore (-want +got):\n%s", diff)
	}
	folder := filepath.Dir(strings.TrimPrefix(database, "sqlite:"))
	if left, err := filepath.Glob(filepath.Join(folder, ".*")); len(left) > 0 || err != nil {
		t.Errorf("temporary files = %v, %v, want none", left, err)
	}
	err := filepath.Walk(media.BesideDatabase(strings.TrimPrefix(database, "sqlite:")), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() && info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s = %v, want 0600", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// changeEntries returns an archive whose blobs were changed. change returns false to leave an entry out.
func changeEntries(t *testing.T, archive []byte, change func(h *tar.Header, content []byte) ([]byte, bool)) []byte {
	t.Helper()
	var b bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(archive)), tar.NewWriter(&b)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		keep := true
		if strings.HasPrefix(h.Name, "blobs/") || h.Name == "end" {
			content, keep = change(h, content)
		}
		if !keep {
			continue
		}
		h.Size = int64(len(content))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A backup with a wrong blob is refused as a whole: neither the store nor the files change.
func TestRestoreRefusesWrongBlobs(t *testing.T) {
	good, _ := newBackupWithBlobs(t)
	rename := func(name func(string) string) func(*tar.Header, []byte) ([]byte, bool) {
		return func(h *tar.Header, content []byte) ([]byte, bool) {
			if h.Name != "end" {
				h.Name = name(h.Name)
			}
			return content, true
		}
	}
	for name, change := range map[string]func(*tar.Header, []byte) ([]byte, bool){
		"other bytes":  func(_ *tar.Header, content []byte) ([]byte, bool) { return append(content, '!'), true },
		"no end":       func(h *tar.Header, content []byte) ([]byte, bool) { return content, h.Name != "end" },
		"another path": rename(func(string) string { return "blobs/../../evil" }),
		"a short name": rename(func(name string) string { return name[:len(name)-2] }),
		"capitals":     rename(func(name string) string { return "blobs/" + strings.ToUpper(name[6:]) }),
		"a link": func(h *tar.Header, _ []byte) ([]byte, bool) {
			if h.Name != "end" {
				h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd"
			}
			return nil, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			database := newStore(t)
			want := putBlobs(t, blobsBeside(database), "mine")
			changed := changeEntries(t, good, change)
			_, err := backup.Restore(t.Context(), bytes.NewReader(changed), database, true)
			if err == nil || !strings.Contains(err.Error(), "is not what was written") {
				t.Errorf("Restore = %v, want that the backup is damaged", err)
			}
			if diff := cmp.Diff(want, readBlobs(t, blobsBeside(database))); diff != "" {
				t.Errorf("files after a failed Restore (-want +got):\n%s", diff)
			}
			folder := filepath.Dir(strings.TrimPrefix(database, "sqlite:"))
			if moved, err := filepath.Glob(filepath.Join(folder, "*.replaced*")); len(moved) > 0 || err != nil {
				t.Errorf("moved stores = %v, %v, want none", moved, err)
			}
		})
	}
}
