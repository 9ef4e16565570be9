package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected output; review the diff")

// writeArchive writes an archive's files into a new folder and returns the options to load them with. It does not
// write three of them: `environ` and `flags` become options, and `want` is returned.
func writeArchive(t *testing.T, archive *txtar.Archive) (o LoadOptions, want string) {
	t.Helper()
	o.Dir = t.TempDir()
	for _, f := range archive.Files {
		switch f.Name {
		case "environ":
			o.Environ = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case "flags":
			name, value, _ := strings.Cut(strings.TrimSpace(string(f.Data)), " ")
			if name == "--config" {
				o.ConfigFile = value
			} else {
				o.Listen = value
			}
		case "want":
			want = string(f.Data)
		default:
			writeFile(t, filepath.Join(o.Dir, f.Name), string(f.Data))
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
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("Glob = %v, %v, want archives", paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			o, want := writeArchive(t, archive)
			s, err := Load(o)
			if err == nil {
				t.Fatalf("Load = %+v, want an error", s)
			}
			got := err.Error() + "\n"
			if strings.Contains(got, "SECRET") {
				t.Errorf("Load error = %s, want no secret in it", got)
			}
			if *update {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Load error (-want +got):\n%s", diff)
			}
		})
	}
}
