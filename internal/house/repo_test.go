package house

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

// root is the repository's folder, seen from this one.
const root = "../.."

// module is the name of the module.
const module = "achuan"

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string // of GoFiles
}

// name is the package's path inside the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

var listOnce = sync.OnceValues(list)

func list() ([]pkg, error) {
	command := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports", "./...")
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

// packages returns all packages of the module.
func packages(t *testing.T) []pkg {
	t.Helper()
	all, err := listOnce()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("go list found %d packages only", len(all))
	}
	return all
}

// source is one parsed file.
type source struct {
	path string // as messages show it
	file *ast.File
	set  *token.FileSet
	test bool
}

func (s source) at(n ast.Node) string {
	position := s.set.Position(n.Pos())
	position.Filename = s.path
	return position.String()
}

// sources parses a package's files, tests last.
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
