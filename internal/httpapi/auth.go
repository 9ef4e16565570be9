package httpapi

import "net/http"

// authenticate lets a request with a configured key pass and records its caller. Without
// configured keys everyone passes as chat.Anonymous.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, err := s.opts.Keys.Authenticate(r.Header)
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.fail(w, r, err)
			return
		}
		stateOf(r).caller = caller
		next.ServeHTTP(w, r)
	})
}

// authenticateOrAdmin also lets the administrator pass, who is not a caller.
func (s *Server) authenticateOrAdmin(next http.Handler) http.Handler {
	others := s.authenticate(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.requiresKey() && s.isAdmin(r) {
			next.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

// requiresKey reports whether requests need a key.
func (s *Server) requiresKey() bool { return s.opts.Keys.Len() > 0 }
