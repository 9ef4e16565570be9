package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// A client with a slip in its base URL reaches each route, without a redirect.
func TestBaseURLSlips(t *testing.T) {
	sessions := &fakeSessions{owner: chat.Anonymous.ID}
	for _, route := range []string{
		"POST /v1/chat/completions", "GET /v1/models", "GET /v1/models/maker/model:2", "GET /v1/models/maker%2Fmodel:2",
		"GET /v1/sessions", "POST /v1/sessions", "GET /v1/sessions/4711", "DELETE /v1/sessions/4711", "GET /v1/sessions/4711/messages",
	} {
		method, path, _ := strings.Cut(route, " ")
		for _, slip := range []string{
			path, strings.TrimPrefix(path, "/v1"), "/" + path, "/v1/" + strings.TrimPrefix(path, "/v1"), path + "/", path + "//",
			"/v1" + path, "/v1/v1" + path, "/v1//v1" + path + "/", "/" + strings.TrimPrefix(path, "/v1") + "/",
		} {
			t.Run(method+" "+slip, func(t *testing.T) {
				s, _, _ := newTestServer(hello, func(o *Options) { o.Sessions = sessions })
				body := ""
				if method == "POST" {
					body = question
				}
				rec, _ := serve(s, request(method, slip, body))
				if rec.Code != http.StatusOK || rec.Header().Get("Location") != "" {
					t.Errorf("status of %s %s = %d with Location %q, want 200 with none: %s", method, slip, rec.Code, rec.Header().Get("Location"), rec.Body)
				}
			})
		}
	}
	for _, path := range []string{"/healthz/", "//readyz", "/metrics/", "//"} {
		s, _, _ := newTestServer(nil)
		s.SetReady()
		r := request("GET", path, "")
		r.RemoteAddr = "127.0.0.1:5000"
		if rec, _ := serve(s, r); rec.Code != http.StatusOK {
			t.Errorf("status of GET %s = %d, want 200", path, rec.Code)
		}
	}
}

// A path that is corrected needs a key like any other.
func TestSlipsNeedAKey(t *testing.T) {
	s, f, _ := newTestServer(hello, withKeys)
	for _, path := range []string{"/chat/completions", "//v1/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/", "/embeddings"} {
		if rec, _ := serve(s, request("POST", path, question)); rec.Code != http.StatusUnauthorized {
			t.Errorf("status of POST %s without a key = %d, want 401", path, rec.Code)
		}
	}
	if len(f.requests) > 0 {
		t.Errorf("requests at the gateway = %d, want 0", len(f.requests))
	}
}

func TestCorrectPath(t *testing.T) {
	names := []string{"chat", "models"}
	for path, want := range map[string]string{
		"/": "/", "//": "/", "/v1": "/v1", "/v1/": "/v1", "/v1/v1": "/v1", "/models": "/v1/models", "/modelsx": "/modelsx",
		"/v1/models/v1/v1": "/v1/models/v1/v1", "/v1/models/a%2F%2Fb/": "/v1/models/a%2F%2Fb", "/healthz/": "/healthz",
		"": "", "*": "*", "/v1/../models": "/v1/../models", "//a/./b/": "//a/./b/", "/v11/models": "/v11/models",
	} {
		if got := correctPath(path, names); got != want {
			t.Errorf("correctPath(%q) = %q, want %q", path, got, want)
		}
		if got := correctPath(want, names); got != want {
			t.Errorf("correctPath(%q) = %q, want it unchanged", want, got)
		}
	}
}

// A 404 for a route of OpenAI's names the route and what to use.
func TestAbsentRoutes(t *testing.T) {
	for _, c := range []struct {
		method, path string
		must         []string
	}{
		{"POST", "/v1/embeddings", []string{"POST /v1/embeddings", "another service"}},
		{"POST", "/embeddings", []string{"POST /v1/embeddings", "another service"}},
		{"POST", "/v1/v1/embeddings/", []string{"POST /v1/embeddings", "another service"}},
		{"POST", "/v1/completions", []string{"POST /v1/completions", "Use POST /v1/chat/completions."}},
		{"GET", "/v1/batches/batch_1", []string{"GET /v1/batches/batch_1", "Use POST /v1/chat/completions."}},
		{"POST", "/v1/audio/speech", []string{"POST /v1/audio/speech", "another service"}},
		{"POST", "/v1/images/variations", []string{"/v1/images/edits"}},
		{"POST", "/v1/assistants", []string{"Use POST /v1/chat/completions."}},
		{"POST", "/v1/threads/t/runs", []string{"Use POST /v1/chat/completions."}},
		{"POST", "/v1/uploads", []string{"messages of POST /v1/chat/completions"}},
		{"POST", "/v1/nope", []string{"no POST /v1/nope here", "ends in /v1"}},
	} {
		s, _, _ := newTestServer(nil)
		rec, _ := serve(s, request(c.method, c.path, "{}"))
		if rec.Code != http.StatusNotFound || rec.Header().Get("X-Should-Retry") != "false" {
			t.Errorf("status of %s %s = %d with x-should-retry %q, want 404 with false", c.method, c.path, rec.Code, rec.Header().Get("X-Should-Retry"))
		}
		checkContains(t, c.path, rec.Body.String(), append(errorBody(chat.CodeNotFound), c.must...)...)
	}
}

// No route that exists counts as absent.
func TestAbsentRoutesAreAbsent(t *testing.T) {
	s, _, _ := newTestServer(nil)
	for name := range absentRoutes {
		if rec, _ := serve(s, request("POST", "/v1/"+name, "{}")); rec.Code != http.StatusNotFound {
			t.Errorf("status of POST /v1/%s = %d, want 404", name, rec.Code)
		}
	}
}
