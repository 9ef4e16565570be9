package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"achuan/internal/chat"
)

func TestUnknownPathIsClipped(t *testing.T) {
	s, _, _ := newTestServer(nil)
	rec, _ := serve(s, request("GET", "/v1/"+strings.Repeat("%E7%88%BD", 2000), ""))
	if n := rec.Body.Len(); rec.Code != http.StatusNotFound || n > 600 {
		t.Errorf("status = %d with %d bytes, want 404 with at most 600", rec.Code, n)
	}
	checkContains(t, "the body", rec.Body.String(), "爽", "!\ufffd", `!\ufffd`)
}

func TestUnknownPaths(t *testing.T) {
	for _, path := range []string{
		"/v1", "/v1/", "/v1/nope", "/v1/chat", "/v1/chat/completions/x", "/v1/embeddings", "/embeddings", "/v2/models",
		"/readyz/x", "/favicon.ico", "/admin", "/v1/healthz", "/chat", "/apis/chat/completions",
		"/v1/../v1/models", "/v1/./models", "/v1/models/..", "//v1/../v1/models", "/./v1/models",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			t.Run(method+" "+path, func(t *testing.T) {
				s, f, _ := newTestServer(hello)
				body := ""
				if method == "POST" {
					body = question
				}
				rec, _ := serve(s, request(method, path, body))
				if rec.Code != http.StatusNotFound || rec.Header().Get("Location") != "" {
					t.Errorf("status = %d with Location %q, want 404 with none", rec.Code, rec.Header().Get("Location"))
				}
				checkContains(t, "the body", rec.Body.String(), errorBody(chat.CodeNotFound)...)
				if len(f.requests) > 0 {
					t.Errorf("requests at the gateway = %d, want 0", len(f.requests))
				}
			})
		}
	}
}

func TestOtherMethods(t *testing.T) {
	for path, allow := range map[string]string{
		"/v1/chat/completions": "POST",
		"/v1/images/edits":     "POST",
		"/v1/models":           "GET, HEAD",
		"/v1/models/model-1":   "GET, HEAD",
		"/healthz":             "GET, HEAD",
		"/readyz":              "GET, HEAD",
		"/":                    "GET, HEAD",
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if strings.Contains(allow, method) {
				continue
			}
			t.Run(method+" "+path, func(t *testing.T) {
				s, _, _ := newTestServer(hello)
				rec, _ := serve(s, request(method, path, ""))
				if got := rec.Header().Get("Allow"); rec.Code != http.StatusMethodNotAllowed || got != allow {
					t.Errorf("status = %d with Allow %q, want 405 with %q", rec.Code, got, allow)
				}
				checkContains(t, "the body", rec.Body.String(), errorBody(chat.CodeMethodNotAllowed)...)
			})
		}
	}
}

// A client without a key cannot find out which routes exist.
func TestAPINeedsAKeyEverywhere(t *testing.T) {
	s, _, _ := newTestServer(hello, withKeys)
	for _, target := range []string{"GET /v1/models", "POST /v1/chat/completions", "PUT /v1/models", "GET /v1/nope", "GET /v1", "GET /v1/"} {
		method, path, _ := strings.Cut(target, " ")
		if rec, _ := serve(s, request(method, path, "")); rec.Code != http.StatusUnauthorized {
			t.Errorf("status of %s without a key = %d, want 401", target, rec.Code)
		}
	}
}

func TestPlainPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/": true, "/a": true, "/a/": true, "/a/b.c": true, "/a%2F%2Fb": true, "/...": true,
		"": false, "*": false, "a": false, "//": false, "/a//b": false, "/a/.": false, "/a/..": false, "/./a": false, "/../": false,
	} {
		if got := isPlainPath(path); got != want {
			t.Errorf("isPlainPath(%q) = %v, want %v", path, got, want)
		}
	}
}
