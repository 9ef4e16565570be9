package httpapi

import (
	"net/http"
	"path"
	"strings"
)

// exactPath answers 404 for a path that is not written plainly (//, a dot
// segment, none at all). The mux would redirect it, and a POST that is redirected
// loses its body or its key on the way, depending on the client.
func (s *Server) exactPath(next http.Handler) http.Handler {
	odd := chain(s.adapt(notFound), s.guard)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !plainPath(r.URL.EscapedPath()) {
			odd.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// plainPath reports whether p is as the mux would clean it.
func plainPath(p string) bool {
	if !strings.HasPrefix(p, "/") {
		return false
	}
	clean := path.Clean(p)
	if clean != "/" && strings.HasSuffix(p, "/") {
		clean += "/"
	}
	return clean == p
}
