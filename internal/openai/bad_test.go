package openai

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"achuan/internal/chat"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// archives calls test with every golden file in a folder of testdata. With -update it
// writes the files that test has changed.
func archives(t *testing.T, folder string, test func(*testing.T, *txtar.Archive)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("golden files of %s = %q, %v, want some", folder, paths, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			test(t, archive)
			if *update {
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// golden compares got with a file of the archive. With -update it replaces the file.
func golden(t *testing.T, file *txtar.File, got string) {
	t.Helper()
	if *update {
		file.Data = []byte(got)
		return
	}
	if diff := cmp.Diff(string(file.Data), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file.Name, diff)
	}
}

// Each archive in testdata/bad has bad requests, NAME.json, each followed by the error
// that the client gets, NAME.want.
func TestBadRequests(t *testing.T) {
	archives(t, "bad", func(t *testing.T, archive *txtar.Archive) {
		for i := 0; i+1 < len(archive.Files); i += 2 {
			body, want := &archive.Files[i], &archive.Files[i+1]
			name := strings.TrimSuffix(body.Name, ".json")
			if want.Name != name+".want" {
				t.Fatalf("file after %s = %s, want %s.want", body.Name, want.Name, name)
			}
			t.Run(name, func(t *testing.T) {
				r, err := DecodeChat(body.Data)
				if err == nil || r != nil {
					t.Fatalf("DecodeChat() = %+v, %v, want an error", r, err)
				}
				golden(t, want, describeError(t, err))
			})
		}
	})
}

// describeError returns the parts of err that the client gets.
func describeError(t *testing.T, err error) string {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	if !ok {
		t.Fatalf("error = %T, want *chat.Error: %v", err, err)
	}
	if e.Message != e.Sentence() {
		t.Errorf("message = %q, want it to end in one full stop", e.Message)
	}
	message := e.Message
	// The words and the byte that follow come from encoding/json and differ between its
	// two implementations.
	const syntax = "is not valid JSON:"
	if i := strings.Index(message, syntax); i >= 0 {
		message = message[:i+len(syntax)] + " …"
	}
	status, _ := Status(e.Kind)
	where := strings.TrimRight(fmt.Sprintf("%d %s %s", status, e.Code, e.Param), " ")
	return where + "\n" + message + "\n"
}
