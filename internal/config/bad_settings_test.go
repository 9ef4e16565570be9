package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/golden"
)

// writeArchive writes an archive's files into a new folder and returns the options to load them with. It does not
// write three of them: `environ` and `flags` become options, and `want` is returned.
func writeArchive(t *testing.T, archive *golden.Archive) (o LoadOptions, want *golden.File) {
	t.Helper()
	o.Dir = t.TempDir()
	for i, f := range archive.Files {
		switch f.Name {
		case "environ":
			o.Environ = strings.Split(strings.TrimSpace(f.Data), "\n")
		case "flags":
			name, value, _ := strings.Cut(strings.TrimSpace(f.Data), " ")
			if name == "--config" {
				o.ConfigFile = value
			} else {
				o.Listen = value
			}
		case "want":
			want = archive.Files[i]
		default:
			writeFile(t, filepath.Join(o.Dir, f.Name), f.Data)
		}
	}
	return o, want
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Each archive in testdata/bad has sources with a problem and the expected message. The secrets in them begin with
// SECRET.
func TestBadSettings(t *testing.T) {
	golden.EachArchive(t, "testdata/bad", func(t *testing.T, archive *golden.Archive) {
		o, want := writeArchive(t, archive)
		s, err := Load(o)
		if err == nil {
			t.Fatalf("Load = %+v, want an error", s)
		}
		got := err.Error() + "\n"
		if strings.Contains(got, "SECRET") {
			t.Errorf("Load error = %s, want no secret in it", got)
		}
		golden.Check(t, want, got)
	})
}
