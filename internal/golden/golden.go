// Package golden compares what a test got with the expected text in a file. With the flag -update, the test writes
// what it got into the file, and a person reviews the difference. Only tests import this package. What an archive
// means belongs to the package that is tested.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files; review the diff")

// Archive is a text file that contains several files, in the format of golang.org/x/tools/txtar.
type Archive struct {
	Comment string // what stands before the first file
	Files   []*File
}

// File is one file of an archive.
type File struct{ Name, Data string }

// EachArchive runs test as a subtest for each txtar archive in a folder, and fails when there is none. With -update, it
// writes back the archives that test has changed.
func EachArchive(t *testing.T, folder string, test func(*testing.T, *Archive)) {
	t.Helper()
	for _, path := range findArchives(t, folder) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive := readArchive(t, path)
			test(t, archive)
			if *update {
				writeArchive(t, path, archive)
			}
		})
	}
}

// Archives returns the txtar archives in a folder, and fails when there is none.
func Archives(t testing.TB, folder string) []*Archive {
	t.Helper()
	var all []*Archive
	for _, path := range findArchives(t, folder) {
		all = append(all, readArchive(t, path))
	}
	return all
}

func findArchives(t testing.TB, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("archives in %s = %q, %v, want some", folder, paths, err)
	}
	return paths
}

func readArchive(t testing.TB, path string) *Archive {
	t.Helper()
	parsed, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := &Archive{Comment: string(parsed.Comment)}
	for _, f := range parsed.Files {
		a.Files = append(a.Files, &File{f.Name, string(f.Data)})
	}
	return a
}

func writeArchive(t testing.TB, path string, a *Archive) {
	t.Helper()
	formatted := &txtar.Archive{Comment: []byte(a.Comment)}
	for _, f := range a.Files {
		formatted.Files = append(formatted.Files, txtar.File{Name: f.Name, Data: []byte(f.Data)})
	}
	writeFile(t, path, txtar.Format(formatted))
}

// Check compares got with a file of an archive. With -update, it replaces the file's content.
func Check(t testing.TB, file *File, got string) {
	t.Helper()
	if *update {
		file.Data = got
		return
	}
	compare(t, file.Name, file.Data, got)
}

// CheckFile compares got with the content of a file on disk. With -update, it writes the file.
func CheckFile(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		writeFile(t, path, []byte(got))
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	compare(t, path, string(want), got)
}

func compare(t testing.TB, name, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
