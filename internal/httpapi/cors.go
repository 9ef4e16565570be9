package httpapi

import (
	"net/http"
	"strings"
)

// originSet is the set of browser origins that may read answers.
type originSet struct {
	allowsAny bool
	origins   map[string]bool // in lower case, without a last slash
	hosts     map[string]bool // their hostnames
}

func newOriginSet(origins []string) originSet {
	o := originSet{origins: make(map[string]bool), hosts: make(map[string]bool)}
	for _, origin := range origins {
		if origin == "*" {
			o.allowsAny = true
			continue
		}
		o.origins[normalizeOrigin(origin)] = true
		if host := originHost(origin); host != "" {
			o.hosts[host] = true
		}
	}
	return o
}

// includes reports whether the settings name the origin of an Origin header. They never
// include the opaque origin "null", which any page can use.
func (o originSet) includes(origin string) bool {
	return origin != "null" && o.origins[normalizeOrigin(origin)]
}

// allowOrigin returns the Access-Control-Allow-Origin of an answer to origin, or "".
func (o originSet) allowOrigin(origin string) string {
	switch {
	case origin == "":
		return ""
	case o.allowsAny:
		return "*"
	case o.includes(origin):
		return origin
	}
	return ""
}

func (o originSet) isEmpty() bool { return !o.allowsAny && len(o.origins) == 0 }

func normalizeOrigin(origin string) string {
	return strings.ToLower(strings.TrimSuffix(origin, "/"))
}

const (
	// corsHeaders is the answer to a preflight that asks for no headers or for too many.
	corsHeaders = "authorization, content-type, x-api-key, api-key, anthropic-version, anthropic-beta, x-goog-api-key, x-session-id, x-request-id, idempotency-key"
	corsMaxAge  = "7200" // seconds that a browser may keep a preflight; the maximum of Chrome
)

// exposedHeaders are the reply headers that a page may read. A test compares them with all
// headers that this package sets.
var exposedHeaders = strings.ToLower(strings.Join([]string{
	sessionHeader, placementHeader, usageHeader, pointsHeader, requestIDHeader, anthropicRequestID, retryAfterHeader,
	shouldRetryHeader,
}, ", "))

// maxCORSHeaders is the size in bytes of the list of headers that a preflight may ask for.
const maxCORSHeaders = 4 << 10

// cors lets pages of the configured origins read answers, and answers their preflights. It
// does not allow cookies, because no route uses them. Without configured origins it does
// nothing. methods are those of the routes.
func (s *Server) cors(methods []string) func(http.Handler) http.Handler {
	allowed := strings.Join(methods, ", ")
	return func(next http.Handler) http.Handler {
		if s.origins.isEmpty() {
			return next
		}
		return s.handleCORS(next, allowed)
	}
}

func (s *Server) handleCORS(next http.Handler, methods string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Add("Vary", "Origin")
		origin := s.origins.allowOrigin(r.Header.Get("Origin"))
		if origin == "" {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Origin", origin)
		if !isPreflight(r) {
			h.Set("Access-Control-Expose-Headers", exposedHeaders)
			next.ServeHTTP(w, r)
			return
		}
		h.Add("Vary", "Access-Control-Request-Headers")
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", allowedHeaders(r.Header.Get("Access-Control-Request-Headers")))
		h.Set("Access-Control-Max-Age", corsMaxAge)
		w.WriteHeader(http.StatusNoContent)
	})
}

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// allowedHeaders allows every header that a preflight asks for: SDKs send a dozen headers
// of their own, and none of them gives access to anything.
func allowedHeaders(asked string) string {
	if asked == "" || len(asked) > maxCORSHeaders {
		return corsHeaders
	}
	return asked
}
