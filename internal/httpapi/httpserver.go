package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	headerTime     = 10 * time.Second  // for a request's header to arrive
	idleTime       = 120 * time.Second // of a connection between requests
	maxHeaderBytes = 64 << 10
)

// HTTPServer returns a server for h that is not listening yet. It has no
// WriteTimeout and no ReadTimeout, which would cut long answers: Server puts a
// deadline on each write, and on each read of a body, instead.
func HTTPServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		// "OPTIONS *" is no route either.
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}
