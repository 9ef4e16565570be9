package httpapi

import (
	"context"
	"net/http"
	"sync/atomic"
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
		s.inFlight.enter()
		defer s.inFlight.leave()
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

// requestCounter counts requests without a lock, because every request passes it.
type requestCounter struct {
	n    atomic.Int64
	idle chan struct{} // capacity 1: n was 0 since the last receive
}

func (f *requestCounter) enter() { f.n.Add(1) }

func (f *requestCounter) leave() {
	if f.n.Add(-1) == 0 {
		f.signal()
	}
}

func (f *requestCounter) signal() {
	select {
	case f.idle <- struct{}{}:
	default: // there is a signal already; its receiver checks n
	}
}

func (f *requestCounter) wait(ctx context.Context) error {
	for f.n.Load() != 0 {
		select {
		case <-f.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.signal() // for other waiters
	return nil
}
