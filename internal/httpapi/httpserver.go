package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	headerTimeout  = 10 * time.Second  // for a request's header to arrive
	idleTimeout    = 120 * time.Second // of a connection between requests
	maxHeaderBytes = 64 << 10
)

// closeAmbiguous closes the connection after a request whose end two servers might see
// in different places. net/http takes the chunks of a request with both
// Transfer-Encoding and Content-Length, ignores the Transfer-Encoding of HTTP/1.0, and
// hides both facts. What a proxy that saw another end sends next must not be read as a
// request of its own. So no chunked and no HTTP/1.0 request keeps its connection.
func closeAmbiguous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// HTTPServer returns a server for h that is not listening yet. It has no
// WriteTimeout and no ReadTimeout, which would cut long answers: Server puts a
// deadline on each write, and on each read of a body, instead.
func HTTPServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// "OPTIONS *" is no route either.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
