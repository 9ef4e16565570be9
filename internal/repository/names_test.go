package repository

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	linkTarget   = regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)
	filePath     = regexp.MustCompile(`^(?:\.ci|\.github|bench|cmd|deploy|docs|internal|test|tools)/[\w./-]*$`)
	goFile       = regexp.MustCompile(`^\w+\.go$`)
	goIdentifier = regexp.MustCompile(`^\*?(?:[a-z]+\.)?([A-Za-z]\w*)$`)
)

// spansOf returns the code spans of a page, without their backquotes.
func spansOf(page string) []string {
	var spans []string
	for _, span := range codeSpan.FindAllString(fencedCode.ReplaceAllString(page, ""), -1) {
		spans = append(spans, strings.Trim(span, "`"))
	}
	return spans
}

// Each file that a page links to, or names as a path from the root, exists.
func TestNamedFilesExist(t *testing.T) {
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(root, name))
		return err == nil
	}
	for _, page := range find(t, ".md") {
		text := read(t, page)
		for _, link := range linkTarget.FindAllStringSubmatch(text, -1) {
			if target := path.Join(path.Dir(page), link[1]); !exists(target) {
				t.Errorf("%s links to %s, want a file that exists", page, target)
			}
		}
		for _, span := range spansOf(text) {
			if filePath.MatchString(span) && !exists(span) {
				t.Errorf("%s names %s, want a file that exists", page, span)
			}
		}
	}
}

var testName = regexp.MustCompile(`^(?:Test|Benchmark|Fuzz)[A-Z]\w*$`)

// Each test or benchmark that a page names exists.
func TestNamedTestsExist(t *testing.T) {
	known := map[string]bool{}
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			for _, declaration := range s.file.Decls {
				if f, ok := declaration.(*ast.FuncDecl); ok && s.test {
					known[f.Name.Name] = true
				}
			}
		}
	}
	for _, page := range find(t, ".md") {
		for _, span := range spansOf(read(t, page)) {
			if testName.MatchString(span) && !known[span] {
				t.Errorf("%s names %s, want a test that exists", page, span)
			}
		}
	}
}

// exampleNames are the names in CONTRIBUTING.md that a contributor chooses, and names outside of Go.
var exampleNames = []string{
	"ACHUAN_MAX_MODELS", "ModelsListed", "achuan_models_listed_total", "IMAGE", "JSON_PACKAGES", "REGISTRY_PASSWORD",
	"REGISTRY_USER", "Unreleased",
}

// The recipes of CONTRIBUTING.md name files and identifiers that exist.
func TestRecipesAreExact(t *testing.T) {
	known := map[string]bool{}
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			known[path.Base(s.path)] = true
			ast.Inspect(s.file, func(n ast.Node) bool {
				if ident, ok := n.(*ast.Ident); ok {
					known[ident.Name] = true
				}
				return true
			})
		}
	}
	count := 0
	for _, span := range spansOf(read(t, "CONTRIBUTING.md")) {
		name := span
		if !goFile.MatchString(span) {
			m := goIdentifier.FindStringSubmatch(span)
			if m == nil {
				continue
			}
			name = m[1]
		}
		count++
		if !known[name] && !slices.Contains(exampleNames, name) {
			t.Errorf("CONTRIBUTING.md names %q, want a file or an identifier of the code", span)
		}
	}
	if count < 30 {
		t.Errorf("files and identifiers in CONTRIBUTING.md = %d, want at least 30", count)
	}
}
