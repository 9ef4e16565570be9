package httpapi

import (
	"net/http"
	"time"

	"achuan/internal/chat"
)

// drainRetryAfter is the Retry-After while the server drains. Another replica or the next
// process serves by then.
const drainRetryAfter = time.Second

// drain counts the requests in flight, and refuses new ones while the server drains. It
// counts a request before it checks, so that WaitIdle misses no request after
// StartDraining.
func (s *Server) drain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.inFlight.Add()
		defer s.inFlight.Done()
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
			s.fail(w, r, &chat.Error{
				Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, RetryAfter: drainRetryAfter,
				Message: "The server is shutting down.",
			})
			return
		}
		next.ServeHTTP(w, r)
	})
}
