package repository

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// A `replace` makes go.mod say something else than what is built, and it has no effect in a module that imports ours.
func TestModulesReplaceNothing(t *testing.T) {
	modules := find(t, "go.mod")
	if len(modules) < 2 {
		t.Fatalf("find(go.mod) = %v, want at least 2 modules", modules)
	}
	for _, name := range modules {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join(root, name)).Output()
		if err != nil {
			t.Fatal(err)
		}
		var mod struct {
			Replace []struct{ Old struct{ Path string } }
		}
		if err := json.Unmarshal(out, &mod); err != nil {
			t.Fatal(err)
		}
		for _, r := range mod.Replace {
			t.Errorf("%s replaces %s, want no replacement", name, r.Old.Path)
		}
	}
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

// promised are the targets of the Makefile that people and scripts rely on.
var promised = []string{
	"build", "demo", "dev", "test", "check", "bench", "fuzz", "lint", "fmt", "tidy-check", "release", "release-check",
	"release-notes", "version", "soak",
}

var (
	target    = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	mentioned = regexp.MustCompile("(?m)(?:`|^\\s*(?:\\$ |- run: )?|&& |\\$\\()make (?:-s )?([a-z][a-z0-9-]*)")
)

// Each make command in a page, a script or a workflow exists.
func TestMakeTargetsExist(t *testing.T) {
	targets := map[string]bool{}
	for _, match := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[match[1]] = true
	}
	for _, name := range promised {
		if !targets[name] {
			t.Errorf("Makefile has no target %q, want one", name)
		}
	}
	for _, page := range slices.Concat(find(t, ".md"), find(t, ".yml"), []string{".ci/run"}) {
		for _, match := range mentioned.FindAllStringSubmatch(read(t, page), -1) {
			if !targets[match[1]] {
				t.Errorf("%s names `make %s`, want a target of the Makefile", page, match[1])
			}
		}
	}
}

// CI runs the same checks as a developer.
func TestCIRunsTheGate(t *testing.T) {
	ci := read(t, ".ci/run")
	if !regexp.MustCompile(`(?m)^make check$`).MatchString(ci) {
		t.Errorf(".ci/run = %s\nwant make check in it", ci)
	}
	if !strings.Contains(ci, "set -euo pipefail") {
		t.Errorf(".ci/run = %s\nwant set -euo pipefail in it", ci)
	}
}
