package repository

import (
	"go/ast"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxLines is the maximum length of a file that is no test. Most files have a fifth of it.
const maxLines = 500

func TestOneDocCommentPerPackage(t *testing.T) {
	for _, p := range packages(t) {
		var documented []string
		for _, s := range p.sources(t) {
			if s.file.Doc == nil {
				continue
			}
			if s.test {
				t.Errorf("test file %s has a package comment, want none", s.path)
				continue
			}
			documented = append(documented, s.path)
			begins := "Package " + filepath.Base(p.name()) + " "
			if s.file.Name.Name == "main" {
				begins = "Command " + filepath.Base(p.name()) + " "
			}
			if !strings.HasPrefix(s.file.Doc.Text(), begins) {
				t.Errorf("package comment of %s = %q, want it to begin with %q", s.path, s.file.Doc.Text(), begins)
			}
		}
		if len(documented) != 1 {
			t.Errorf("%s has %d package comments, want one: %v", p.name(), len(documented), documented)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			if lines := s.set.File(s.file.FileStart).LineCount(); !s.test && lines > maxLines {
				t.Errorf("%s has %d lines, want at most %d: split it by topic", s.path, lines, maxLines)
			}
		}
	}
}

// A program that sleeps does not notice that it must stop, and a test that needs a sleep to pass is wrong. Inside of a
// synctest bubble a sleep is exact, so the tests of a package that uses synctest may sleep.
func TestNoSleep(t *testing.T) {
	for _, p := range packages(t) {
		sources := p.sources(t)
		hasBubbles := slices.ContainsFunc(sources, func(s source) bool { return imports(s.file, "testing/synctest") })
		for _, s := range sources {
			if s.test && hasBubbles {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				if selector, ok := n.(*ast.SelectorExpr); ok && selector.Sel.Name == "Sleep" && isName(selector.X, "time") {
					t.Errorf("%s calls time.Sleep, want a wait for the event, or testing/synctest", s.at(n))
				}
				return true
			})
		}
	}
}

func imports(file *ast.File, path string) bool {
	for _, i := range file.Imports {
		if i.Path.Value == `"`+path+`"` {
			return true
		}
	}
	return false
}

func isName(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}
