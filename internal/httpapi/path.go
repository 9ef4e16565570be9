package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// refuseOddPath answers 404 for a path with a dot segment or without a leading slash. The
// mux would redirect such a path, and depending on the client, a redirected POST loses its
// body or its key.
func (s *Server) refuseOddPath(next http.Handler) http.Handler {
	odd := chain(s.adapt(notFound), s.guard)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isPlainPath(r.URL.EscapedPath()) {
			odd.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isPlainPath reports whether the mux would leave p as it is.
func isPlainPath(p string) bool {
	if !strings.HasPrefix(p, "/") {
		return false
	}
	clean := path.Clean(p)
	if clean != "/" && strings.HasSuffix(p, "/") {
		clean += "/"
	}
	return clean == p
}

// repairPath corrects the paths that a wrong base URL produces: the base without /v1, with
// /v1 twice, or with a final slash. It does not redirect. apiNames are the first segments
// after /v1.
func repairPath(apiNames []string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			was := r.URL.EscapedPath()
			if is := correctPath(was, apiNames); is != was {
				if plain, err := url.PathUnescape(is); err == nil {
					u := *r.URL
					u.Path, u.RawPath = plain, is
					copied := *r
					copied.URL = &u
					r = &copied
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// correctPath returns the path that a client means by p, which is escaped.
func correctPath(p string, apiNames []string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "/v1/") && !strings.HasPrefix(p, "/v1/v1") && path.Clean(p) == p {
		return p
	}
	segments := strings.FieldsFunc(p, func(c rune) bool { return c == '/' })
	if slices.ContainsFunc(segments, isDotSegment) {
		return p // refuseOddPath refuses it
	}
	for len(segments) > 1 && segments[0] == "v1" && segments[1] == "v1" {
		segments = segments[1:]
	}
	if len(segments) > 0 && slices.Contains(apiNames, segments[0]) {
		segments = slices.Insert(segments, 0, "v1")
	}
	return "/" + strings.Join(segments, "/")
}

func isDotSegment(segment string) bool { return segment == "." || segment == ".." }
