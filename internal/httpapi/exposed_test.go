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
	"unicode/utf8"

	"achuan/internal/chat"
)

// forBrowsers are the headers that browsers and proxies use themselves, or that every page
// can read.
var forBrowsers = []string{
	"Accept-Encoding", "Allow", "Cache-Control", "Connection", "Content-Length", "Content-Type", "Traceparent", "Vary", "Www-Authenticate",
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

// A preflight allows the method of each route.
func TestPreflightAllowsEveryMethod(t *testing.T) {
	s, _, _ := newTestServer(hello, page, withKeys)
	for _, route := range []struct{ method, path string }{
		{"POST", "/v1/chat/completions"}, {"GET", "/v1/models"}, {"GET", "/v1/sessions"}, {"POST", "/v1/sessions"},
		{"DELETE", "/v1/sessions/1"}, {"GET", "/v1/sessions/1/messages"}, {"HEAD", "/healthz"},
	} {
		rec, _ := serve(s, request("OPTIONS", route.path, "",
			"Origin: https://chat.example.com", "Access-Control-Request-Method: "+route.method))
		allowed := strings.Split(rec.Header().Get("Access-Control-Allow-Methods"), ", ")
		if rec.Code != http.StatusNoContent || !slices.Contains(allowed, route.method) {
			t.Errorf("preflight(%s %s) = %d with %q, want 204 with the method", route.method, route.path, rec.Code, allowed)
		}
	}
}

// The header says that a repeat cannot fix an error. For other errors the status decides.
func TestShouldRetry(t *testing.T) {
	for _, c := range []struct {
		err    *chat.Error
		status int
		want   string
	}{
		{chat.Invalid(chat.CodeInvalidValue, "n", "x"), 400, "false"},
		{chat.Invalid(chat.CodeContextLengthExceeded, "", "x"), 400, "false"},
		{chat.Invalid(chat.CodeModelNotFound, "model", "x"), 400, "false"},
		{&chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota}, 402, "false"},
		{&chat.Error{Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound}, 404, "false"},
		{&chat.Error{Kind: chat.KindConflict, Code: chat.CodeSessionBusy}, 409, ""},
		{&chat.Error{Kind: chat.KindTooLarge, Code: chat.CodeRequestTooLarge}, 413, "false"},
		{&chat.Error{Kind: chat.KindUnprocessable, Code: chat.CodeIdempotencyMismatch}, 422, "false"},
		{&chat.Error{Kind: chat.KindUnprocessable, Code: chat.CodeInvalidToolCall}, 422, "false"},
		{&chat.Error{Kind: chat.KindUnprocessable, Code: chat.CodeInvalidModelOutput}, 422, "false"},
		{&chat.Error{Kind: chat.KindRateLimit, Code: chat.CodeRateLimitExceeded}, 429, ""},
		{&chat.Error{Kind: chat.KindInternal, Code: chat.CodeInternal}, 500, ""},
		{&chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendAuth}, 502, "false"},
		{&chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendTruncated}, 502, ""},
		{&chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable}, 503, ""},
		{&chat.Error{Kind: chat.KindTimeout, Code: chat.CodeBackendTimeout}, 504, ""},
	} {
		s, _, _ := newTestServer([]step{errorStep(c.err)})
		rec, _ := serve(s, request("POST", "/v1/chat/completions", question))
		if got := rec.Header().Get("X-Should-Retry"); rec.Code != c.status || got != c.want {
			t.Errorf("%s: status = %d with x-should-retry %q, want %d with %q", c.err.Code, rec.Code, got, c.status, c.want)
		}
	}
}

// Replies are valid UTF-8, whatever bytes a client puts into a path.
func TestRepliesAreUTF8(t *testing.T) {
	s, _, _ := newTestServer([]step{textStep("a\xffb\xed\xa0\x80"), doneStep(someUsage)})
	for _, r := range []*http.Request{
		request("GET", "/v1/%ff%fe", ""), request("GET", "/v1/models/%ff", ""), request("GET", "/v1/models", "", "X-Session-Id: \xff"),
		request("GET", "/v1/models", "", "Host: \xff.example"), request("POST", "/v1/chat/completions", question),
		request("POST", "/v1/chat/completions", questionWith(`"stream":true`)),
	} {
		rec, _ := serve(s, r)
		if !utf8.Valid(rec.Body.Bytes()) {
			t.Errorf("body of %s %q = %q, want UTF-8", r.Method, r.URL.EscapedPath(), rec.Body)
		}
	}
}
