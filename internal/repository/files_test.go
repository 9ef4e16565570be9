package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// find returns the files of the repository whose names end in suffix, relative to root.
func find(t *testing.T, suffix string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "bin" || d.Name() == "dist"):
			return filepath.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, suffix):
			relative, err := filepath.Rel(root, path)
			found = append(found, relative)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// read returns the content of a file, whose name is relative to root.
func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// mustParse parses the text of a Go file.
func mustParse(t *testing.T, text string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var conflictMarker = regexp.MustCompile(`(?m)^(?:<{7}|>{7}) `)

// No file contains the markers of a merge conflict. Git commits them without a warning.
func TestNoConflictMarkers(t *testing.T) {
	for _, name := range find(t, "") {
		if at := conflictMarker.FindString(read(t, name)); at != "" {
			t.Errorf("%s has the conflict marker %q", name, at)
		}
	}
}
