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

var update = flag.Bool("update", false, "rewrite the expected messages; read the diff")

// lay writes an archive's files into a new folder. Three are not written:
// `environ` and `flags` become options, `want` is returned.
func lay(t *testing.T, archive *txtar.Archive) (o LoadOptions, want string) {
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
			write(t, filepath.Join(o.Dir, f.Name), string(f.Data))
		}
	}
	return o, want
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Each archive in testdata/bad is a set of sources with something wrong and the
// message that tells it. Secrets in them begin with SECRET.
func TestBadSettings(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			o, want := lay(t, archive)
			s, err := Load(o)
			if err == nil {
				t.Fatalf("no error, but %+v", s)
			}
			got := err.Error() + "\n"
			if strings.Contains(got, "SECRET") {
				t.Errorf("the message shows a secret:\n%s", got)
			}
			if *update {
				archive.Files[len(archive.Files)-1].Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
