package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forBrowsers are the headers that browsers and proxies use themselves, or that every page
// can read.
var forBrowsers = []string{
	"Accept-Encoding", "Allow", "Cache-Control", "Connection", "Content-Disposition", "Content-Length",
	"Content-Security-Policy", "Content-Type", "Cross-Origin-Resource-Policy", "Traceparent", "Upgrade", "Vary", "Www-Authenticate",
	"X-Accel-Buffering", "X-Content-Type-Options",
}

// A page of an allowed origin can read every header that this package gives a client.
func TestEveryHeaderIsExposed(t *testing.T) {
	set := headersSet(t)
	if len(set) < 10 {
		t.Fatalf("headersSet() = %q, want 10 headers or more", set)
	}
	exposed := strings.Split(exposedHeaders, ", ")
	for _, name := range set {
		if strings.HasPrefix(name, "Access-Control-") || slices.Contains(forBrowsers, name) {
			continue
		}
		if !slices.Contains(exposed, strings.ToLower(name)) {
			t.Errorf("exposedHeaders = %q, want %q in it", exposedHeaders, strings.ToLower(name))
		}
	}
	for _, name := range exposed {
		if !slices.Contains(set, http.CanonicalHeaderKey(name)) {
			t.Errorf("exposedHeaders has %q, want only headers that the code sets: %q", name, set)
		}
	}
}

// headersSet returns the canonical names of the headers that the package's code sets.
func headersSet(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	constants, calls := map[string]string{}, []ast.Expr{}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if i < len(n.Values) {
						constants[name.Name] = literal(n.Values[i])
					}
				}
			case *ast.CallExpr:
				f, ok := n.Fun.(*ast.SelectorExpr)
				if ok && (f.Sel.Name == "Set" || f.Sel.Name == "Add") && len(n.Args) == 2 {
					calls = append(calls, n.Args[0])
				}
			}
			return true
		})
	}
	names := map[string]bool{}
	for _, arg := range calls {
		if sum, ok := arg.(*ast.BinaryExpr); ok {
			arg = sum.Y // a prefix and the name
		}
		name := literal(arg)
		if id, ok := arg.(*ast.Ident); ok {
			name = constants[id.Name]
		}
		if name != "" {
			names[http.CanonicalHeaderKey(name)] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// literal returns the value of a string literal, and "" for any other expression.
func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}
