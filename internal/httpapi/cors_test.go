package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corsOf returns the headers that have to do with origins, in lower case.
func corsOf(h http.Header) map[string]string {
	got := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			got[strings.ToLower(name)] = strings.Join(h[name], ", ")
		}
	}
	return got
}

func TestCORS(t *testing.T) {
	const asked = "authorization,content-type,x-stainless-os"
	readable := map[string]string{
		"access-control-allow-origin":   "https://chat.example.com",
		"access-control-expose-headers": "x-session-id, x-achuan-placement, x-achuan-usage, x-achuan-points, x-request-id, request-id, retry-after, x-should-retry",
		"vary":                          "Origin",
	}
	flight := map[string]string{
		"access-control-allow-origin":  "https://chat.example.com",
		"access-control-allow-methods": "DELETE, GET, HEAD, POST",
		"access-control-allow-headers": asked,
		"access-control-max-age":       "7200",
		"vary":                         "Origin, Access-Control-Request-Headers",
	}
	plainFlight := maps.Clone(flight)
	plainFlight["access-control-allow-headers"] = corsHeaders

	everyone := maps.Clone(readable)
	everyone["access-control-allow-origin"] = "*"

	const origin = "Origin: https://chat.example.com"
	for _, c := range []struct {
		name    string
		set     []func(*Options)
		method  string
		path    string
		headers []string
		status  int
		want    map[string]string
	}{
		{"off", nil, "GET", "/healthz", []string{origin}, 200, map[string]string{}},
		{"off, preflight", []func(*Options){withKeys}, "OPTIONS", "/v1/models",
			[]string{origin, "Access-Control-Request-Method: GET", "Authorization: " + aliceKey}, 405, map[string]string{}},
		{"off, preflight, keyless", nil, "OPTIONS", "/v1/models", []string{origin, "Access-Control-Request-Method: GET"}, 403, map[string]string{}},
		{"allowed", []func(*Options){page}, "GET", "/v1/models", []string{origin}, 200, readable},
		{"allowed, an error", []func(*Options){page, withKeys}, "GET", "/v1/models", []string{origin}, 401, readable},
		{"allowed, not found", []func(*Options){page}, "GET", "/nope", []string{origin}, 404, readable},
		{"preflight", []func(*Options){page, withKeys}, "OPTIONS", "/v1/chat/completions",
			[]string{origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: " + asked}, 204, flight},
		{"preflight that asks for nothing", []func(*Options){page}, "OPTIONS", "/v1/chat/completions",
			[]string{origin, "Access-Control-Request-Method: POST"}, 204, plainFlight},
		{"preflight that asks for too much", []func(*Options){page}, "OPTIONS", "/v1/chat/completions",
			[]string{origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: " + strings.Repeat("a", 5000)}, 204, plainFlight},
		{"OPTIONS that is no preflight", []func(*Options){page}, "OPTIONS", "/v1/models", []string{origin}, 405, readable},
		{"foreign", []func(*Options){page, withKeys}, "GET", "/v1/models",
			[]string{"Origin: https://evil.example", "Authorization: " + aliceKey}, 200, map[string]string{"vary": "Origin"}},
		{"foreign preflight, keyless", []func(*Options){page}, "OPTIONS", "/v1/models",
			[]string{"Origin: https://evil.example", "Access-Control-Request-Method: GET"}, 403, map[string]string{"vary": "Origin"}},
		{"null", []func(*Options){page, withKeys}, "GET", "/v1/models",
			[]string{"Origin: null", "Authorization: " + aliceKey}, 200, map[string]string{"vary": "Origin"}},
		{"every origin", []func(*Options){anyPage, withKeys}, "GET", "/v1/models", []string{"Origin: https://x.example", "Authorization: " + aliceKey}, 200, everyone},
		{"every origin, null", []func(*Options){anyPage, withKeys}, "GET", "/v1/models", []string{"Origin: null"}, 401, everyone},
		{"every origin, keyless", []func(*Options){anyPage}, "GET", "/v1/models", []string{"Origin: https://x.example"}, 403, everyone},
		{"every origin, none sent", []func(*Options){anyPage}, "GET", "/v1/models", nil, 200, map[string]string{"vary": "Origin"}},
		{"no origin", []func(*Options){page}, "GET", "/v1/models", nil, 200, map[string]string{"vary": "Origin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, _ := newTestServer(hello, c.set...)
			rec, _ := serve(s, request(c.method, c.path, "", c.headers...))
			if rec.Code != c.status {
				t.Errorf("status = %d, want %d: %s", rec.Code, c.status, rec.Body)
			}
			if diff := cmp.Diff(c.want, corsOf(rec.Header())); diff != "" {
				t.Errorf("headers (-want +got):\n%s", diff)
			}
		})
	}
}

// A page can read the headers and errors of a stream.
func TestCORSOnAStream(t *testing.T) {
	s, _, _ := newTestServer(hello, page)
	rec, _ := serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`), "Origin: https://chat.example.com"))
	if got := rec.Header().Get("Access-Control-Allow-Origin"); rec.Code != 200 || got != "https://chat.example.com" {
		t.Errorf("status = %d with Access-Control-Allow-Origin %q, want 200 with the page", rec.Code, got)
	}
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
