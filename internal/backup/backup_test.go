package backup_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/backup"
	"achuan/internal/store"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newStore creates a store, closes it and returns its URL.
func newStore(t *testing.T) (database string) {
	t.Helper()
	database = "sqlite:" + filepath.Join(t.TempDir(), "achuan.db")
	s, err := store.Open(t.Context(), store.Options{URL: database})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return database
}

func testOptions(database string) backup.Options {
	return backup.Options{
		Database: database, Settings: []byte("ACHUAN_JWT = set (redacted)\n"), Version: "v1.2.3", Commit: "abc",
		Now: func() time.Time { return created },
	}
}

// newBackup returns a backup of a new store.
func newBackup(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := backup.Write(t.Context(), &b, t.TempDir(), testOptions(newStore(t))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBackupIsTarArchive(t *testing.T) {
	r := tar.NewReader(bytes.NewReader(newBackup(t)))
	var names []string
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
		if h.Name == "settings.txt" {
			if content, err := io.ReadAll(r); err != nil || string(content) != "ACHUAN_JWT = set (redacted)\n" {
				t.Errorf("settings.txt = %q, %v, want the settings", content, err)
			}
		}
	}
	if diff := cmp.Diff([]string{"manifest.json", "settings.txt", "achuan.db"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestToFileAndRestore(t *testing.T) {
	database := newStore(t)
	file := filepath.Join(t.TempDir(), "a.tar")
	if _, err := backup.LastNote(database); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("LastNote without a backup = %v, want ErrNotExist", err)
	}
	m, err := backup.ToFile(t.Context(), file, false, testOptions(database))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.ToFile(t.Context(), file, false, testOptions(database)); !errors.Is(err, os.ErrExist) {
		t.Errorf("ToFile to an existing file = %v, want ErrExist", err)
	}
	if _, err := backup.ToFile(t.Context(), file, true, testOptions(database)); err != nil {
		t.Errorf("ToFile with force = %v, want nil", err)
	}
	note, err := backup.LastNote(database)
	want := backup.Note{Created: created, File: file, Settings: backup.Digest(testOptions("").Settings)}
	if diff := cmp.Diff(want, note); diff != "" || err != nil {
		t.Errorf("LastNote = %v (-want +got):\n%s", err, diff)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file mode = %v, %v, want 0600", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 || err != nil {
		t.Errorf("temporary files = %v, %v, want none", left, err)
	}
	to := filepath.Join(t.TempDir(), "new", "achuan.db")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	done, err := backup.Restore(t.Context(), bytes.NewReader(content), "sqlite:"+to, false)
	if diff := cmp.Diff(backup.Restored{Manifest: m}, done); diff != "" || err != nil {
		t.Errorf("Restore = %v (-want +got):\n%s", err, diff)
	}
	if _, err := backup.Restore(t.Context(), bytes.NewReader(content), "sqlite:"+to, false); !errors.Is(err, store.ErrExists) {
		t.Errorf("Restore over a store = %v, want ErrExists", err)
	}
}

// A damaged backup is refused, and the existing store stays.
func TestRestoreRefusesDamagedBackups(t *testing.T) {
	good := newBackup(t)
	flip := func(at int) []byte {
		b := bytes.Clone(good)
		b[at] ^= 0xff
		return b
	}
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"nothing":             {nil, "no backup that achuan made"},
		"something else":      {[]byte(strings.Repeat("text ", 1000)), "no backup that achuan made"},
		"another format":      {bytes.Replace(good, []byte(`"format": 1`), []byte(`"format": 9`), 1), "format 9 is newer than 1"},
		"other settings":      {bytes.Replace(good, []byte("set (redacted)"), []byte("set (withheld)"), 1), "settings.txt is not what was written"},
		"its end is missing":  {good[:len(good)-8192], "achuan.db is not what was written"},
		"a byte of the store": {flip(len(good) - 8192), "achuan.db is not what was written"},
	} {
		t.Run(name, func(t *testing.T) {
			database := newStore(t)
			_, err := backup.Restore(t.Context(), bytes.NewReader(c.content), database, true)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Restore = %v, want an error with %q", err, c.want)
			}
			s, err := store.Open(t.Context(), store.Options{URL: database})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
