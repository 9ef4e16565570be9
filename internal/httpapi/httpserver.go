package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	headerTimeout  = 10 * time.Second  // for the header of a request
	idleTimeout    = 120 * time.Second // of a connection between requests
	maxHeaderBytes = 64 << 10
)

// closeAmbiguous closes the connection after a request whose end two servers may see in
// different places. net/http accepts a request with both Transfer-Encoding and
// Content-Length, ignores the Transfer-Encoding of HTTP/1.0, and hides both facts. If a
// proxy saw another end, its next bytes must not be read as a request. So chunked requests
// and HTTP/1.0 requests do not keep their connection.
func closeAmbiguous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// HTTPServer returns a server for h that is not listening yet. It has no WriteTimeout and
// no ReadTimeout, because those would cut long answers. Instead, Server puts a deadline on
// each write and on each read of a body.
func HTTPServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// "OPTIONS *" is not a route.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
