package httpapi

import (
	"net/http/httptest"
	"net/url"
	"testing"
)

// No path gets a redirect, whether it is corrected or not. A corrected path needs no further
// correction.
func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"/", "//", "/v1", "/v1/v1//models/", "/chat/completions/", "/v1/models/a%2Fb", "/v1/../v1/models", "/v1/%2e%2e/x", "/models/%", "/v1/./",
		"/%76%31/models", "/v1/models/..%2f", "/\x00", "/爽/", "/v1/embeddings?x#y",
	} {
		f.Add(path)
	}
	s, _, _ := newTestServer(hello)
	names := []string{"chat", "models", "sessions"}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI("/" + path)
		if err != nil {
			return
		}
		once := correctPath(u.EscapedPath(), names)
		if twice := correctPath(once, names); twice != once {
			t.Errorf("correctPath(%q) = %q, want it unchanged", once, twice)
		}
		r := request("GET", "/", "")
		r.URL = u
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		if rec.Code >= 300 && rec.Code < 400 || rec.Header().Get("Location") != "" {
			t.Errorf("status of GET %q = %d with Location %q, want no redirect", u.EscapedPath(), rec.Code, rec.Header().Get("Location"))
		}
	})
}
