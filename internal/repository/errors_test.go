package repository

import (
	"go/ast"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// Each error table of the pages lists exactly the errors of the program: status, type and code. The program makes an
// error with each code that package chat declares.
func TestErrorTables(t *testing.T) {
	want := madeErrors(t)
	for name, code := range declaredCodes(t) {
		isMade := func(e string) bool { return strings.HasSuffix(e, " "+code) }
		if !slices.ContainsFunc(slices.Collect(maps.Keys(want)), isMade) {
			t.Errorf("errors with chat.%s = none, want one, or no such constant", name)
		}
	}
	for _, name := range []string{"docs/architecture.md", "docs/deployment.md", "docs/deployment.zh-CN.md"} {
		got := documentedErrors(t, name)
		if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("errors in %s (-want program +got page):\n%s", name, diff)
		}
	}
}

// kinds maps the names of the constants to the kinds of chat.Error.
var kinds = map[string]chat.Kind{
	"KindInternal": chat.KindInternal, "KindInvalid": chat.KindInvalid, "KindAuthentication": chat.KindAuthentication,
	"KindPermission": chat.KindPermission, "KindNotFound": chat.KindNotFound, "KindMethod": chat.KindMethod,
	"KindConflict": chat.KindConflict, "KindTooLarge": chat.KindTooLarge, "KindMediaType": chat.KindMediaType,
	"KindUpgrade":       chat.KindUpgrade,
	"KindUnprocessable": chat.KindUnprocessable, "KindRateLimit": chat.KindRateLimit, "KindQuota": chat.KindQuota,
	"KindBackend": chat.KindBackend, "KindUnavailable": chat.KindUnavailable, "KindTimeout": chat.KindTimeout,
}

// madeErrors returns "status type code" of each error that the source makes. The source names kind and code in one
// literal, or the code in a call of chat.Invalid. A jsonval.Fault has no kind, because it is always invalid.
func madeErrors(t *testing.T) map[string]bool {
	made, codes := map[string]bool{}, declaredCodes(t)
	add := func(at, kind, code string) {
		k, known := kinds[kind]
		text, declared := codes[code]
		if !known || !declared {
			t.Fatalf("%s: kind %q, code %q: want constants of chat", at, kind, code)
		}
		status, errorType := openai.Status(k)
		made[strconv.Itoa(status)+" "+errorType+" "+text] = true
	}
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			if s.test || !strings.HasPrefix(p.name(), "internal/") {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					kind, code := constant(n, "kind", "Kind"), constant(n, "code", "Code")
					if kind == "" && lastName(n.Type) == "Fault" {
						kind = "KindInvalid"
					}
					if kind != "" && code != "" {
						add(s.at(n), kind, code)
					}
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Invalid" && len(n.Args) == 3 {
						if code := lastName(n.Args[0]); strings.HasPrefix(code, "Code") && code != "Code" {
							add(s.at(n), "KindInvalid", code)
						}
					}
				}
				return true
			})
		}
	}
	if len(made) < 20 {
		t.Fatalf("errors in the code = %v, want at least 20", slices.Sorted(maps.Keys(made)))
	}
	return made
}

// constant returns the name of the constant that a literal assigns to one of the keys, "" if there is none.
func constant(lit *ast.CompositeLit, keys ...string) string {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && slices.Contains(keys, lastName(kv.Key)) {
			if name := lastName(kv.Value); strings.HasPrefix(name, "Kind") || strings.HasPrefix(name, "Code") {
				return name
			}
		}
	}
	return ""
}

// lastName returns b for the expressions b and a.b, and "" for any other.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// declaredCodes maps the names of the constants to the error codes.
func declaredCodes(t *testing.T) map[string]string {
	found := regexp.MustCompile(`(?m)^\t(Code\w+) +Code = "(\w+)"`).FindAllStringSubmatch(read(t, "internal/chat/error.go"), -1)
	codes := map[string]string{}
	for _, m := range found {
		codes[m[1]] = m[2]
	}
	return codes
}

var (
	errorRow  = regexp.MustCompile(`^\| ([45]\d\d(?: / [45]\d\d)*) \| (\w+_\w+) \| (.+) \|$`)
	errorCode = regexp.MustCompile(`\b(?:[a-z]+(?:_[a-z]+)+|overloaded)\b`) // a code of one word is listed by name
)

// documentedErrors returns "status type code" of each error in the table of a page. A row with several statuses has
// the same number of lists of codes.
func documentedErrors(t *testing.T, name string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(read(t, name)) {
		row := errorRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		statuses, lists := strings.Split(row[1], " / "), strings.Split(row[3], " / ")
		if len(lists) != len(statuses) {
			t.Errorf("row %q of %s = %d statuses and %d lists of codes, want as many", line, name, len(statuses), len(lists))
			continue
		}
		for i, status := range statuses {
			for _, code := range errorCode.FindAllString(lists[i], -1) {
				found[status+" "+row[2]+" "+code] = true
			}
		}
	}
	return found
}
