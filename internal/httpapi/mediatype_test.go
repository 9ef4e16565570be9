package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// The type of a request without a body is not checked.
func TestMediaTypeOfNothing(t *testing.T) {
	s, _, _ := newTestServer(nil)
	rec, _ := serve(s, request("GET", "/v1/models", "", "Content-Type: text/plain"))
	if rec.Code != http.StatusOK {
		t.Errorf("status = %d, want 200", rec.Code)
	}
}

func TestMediaType(t *testing.T) {
	for _, c := range []struct {
		contentType, encoding string
		keyless, withKeys     int
	}{
		{"", "", 200, 200},
		{"application/json", "", 200, 200},
		{"application/json; charset=utf-8", "", 200, 200},
		{"application/json;charset=GBK", "identity", 200, 200},
		{"Application/JSON", "Identity", 200, 200},
		{"application/json; charset", "", 200, 200},
		{"application/vnd.api+json", "", 200, 200},
		{"text/plain", "", 415, 200},
		{"text/plain; application/json", "", 415, 200},
		{"text/json", "", 415, 200},
		{"application/x-www-form-urlencoded", "", 415, 200},
		{"multipart/form-data; boundary=x", "", 415, 200},
		{"application/jsonp", "", 415, 200},
		{"json", "", 415, 200},
		{";", "", 415, 200},
		{"application/json, text/plain", "", 415, 200},
		{"application/json", "gzip, gzip", 415, 415},
		{"application/json", "zstd", 415, 415},
		{"application/json", "gzip", 400, 400}, // it is not
		{"application/json", "identity, br", 415, 415},
		{"", "deflate", 400, 400},
	} {
		t.Run(c.contentType+" "+c.encoding, func(t *testing.T) {
			keyless, _, _ := newTestServer(hello)
			withKeys, _, _ := newTestServer(hello, withKeys)
			for s, want := range map[*Server]int{keyless: c.keyless, withKeys: c.withKeys} {
				r := request("POST", "/v1/chat/completions", question, "Authorization: "+aliceKey)
				if c.contentType != "" {
					r.Header.Set("Content-Type", c.contentType)
				}
				if c.encoding != "" {
					r.Header.Set("Content-Encoding", c.encoding)
				}
				rec, _ := serve(s, r)
				if rec.Code != want {
					t.Errorf("status (requires a key: %v) = %d, want %d", s.requiresKey(), rec.Code, want)
				}
				if want == http.StatusUnsupportedMediaType {
					checkContains(t, "the body", rec.Body.String(), errorBody(chat.CodeUnsupportedMediaType)...)
					if got := rec.Header().Get("Accept-Encoding"); (c.encoding != "") != (got == acceptedCodings) && c.encoding != "identity" {
						t.Errorf("Accept-Encoding for the coding %q = %q, want %q for an unsupported one", c.encoding, got, acceptedCodings)
					}
				}
			}
		})
	}
}

// An error of the route comes before an error of the body.
func TestMediaTypeOfNoRoute(t *testing.T) {
	for target, want := range map[string]int{"PUT /v1/chat/completions": 405, "POST /v1/models": 405, "POST /v1/nope": 404} {
		method, path, _ := strings.Cut(target, " ")
		s, _, _ := newTestServer(nil)
		if rec, _ := serve(s, request(method, path, "a=b", "Content-Type: application/x-www-form-urlencoded")); rec.Code != want {
			t.Errorf("status of %s with a form = %d, want %d", target, rec.Code, want)
		}
	}
}
