package httpapi

import (
	"crypto/rand"
	"net/http"

	"achuan/internal/telemetry"
)

const requestIDHeader = "X-Request-Id"

// maxRequestID is the size in bytes up to which the id of a client is used.
const maxRequestID = 64

// requestID gives each request an id: that of the client if it is short and plain,
// otherwise a new one. The id goes into the context and into the header of the reply.
func (s *Server) requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !isPlainID(id) {
			id = "req_" + rand.Text()
		}
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r.WithContext(telemetry.WithRequestID(r.Context(), id)))
	})
}

// isPlainID reports whether s is [A-Za-z0-9._-]{1,64}.
func isPlainID(s string) bool {
	if s == "" || len(s) > maxRequestID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
