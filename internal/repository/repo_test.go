package repository

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// root is the root folder of the repository, relative to this package.
const root = "../.."

// pkg is the part of the output of `go list -json` that the tests read.
type pkg struct {
	ImportPath   string
	Dir          string
	Module       struct{ Path string }
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string // of GoFiles
}

// name returns the path of the package inside the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, p.Module.Path+"/") }

var listOnce = sync.OnceValues(list)

// list returns the packages that `go list` prints.
func list() ([]pkg, error) {
	command := exec.Command("go", "list", "-json=ImportPath,Dir,Module,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
	command.Dir = root
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, err
	}
	var all []pkg
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
}

// packages returns all packages of the module. It runs `go list` once.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listOnce()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("go list = %d packages, want at least 5", len(all))
	}
	return all
}

// source is one parsed file.
type source struct {
	path string // relative to the root of the repository
	file *ast.File
	set  *token.FileSet
	test bool // whether it is a _test.go file
}

// at returns the position of n, as file:line:column.
func (s source) at(n ast.Node) string {
	position := s.set.Position(n.Pos())
	position.Filename = s.path
	return position.String()
}

// sources parses all files of the package. Test files come last.
func (p pkg) sources(t *testing.T) []source {
	t.Helper()
	var all []source
	parse := func(names []string, test bool) {
		for _, name := range names {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, source{p.name() + "/" + name, file, set, test})
		}
	}
	parse(p.GoFiles, false)
	parse(p.TestGoFiles, true)
	parse(p.XTestGoFiles, true)
	return all
}
