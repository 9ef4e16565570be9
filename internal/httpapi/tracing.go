package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"achuan/internal/telemetry"
)

// traceparentHeader is the header of W3C Trace Context. The server takes it from the
// caller and returns its own span in it, so that a caller without traces can find them.
// The platform does not get it, because it belongs to somebody else.
const traceparentHeader = "Traceparent"

// startSpan starts the span of a request to the API. Probes and pages have no spans.
func (s *Server) startSpan(w http.ResponseWriter, r *http.Request) (*http.Request, *telemetry.Span) {
	if s.opts.Tracer == nil || !strings.HasPrefix(r.URL.Path, "/v1") {
		return r, nil
	}
	ctx, span := s.opts.Tracer.StartRequest(r.Context(), r.Header)
	w.Header().Set(traceparentHeader, span.Traceparent())
	return r.WithContext(ctx), span
}

var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
	http.MethodDelete, http.MethodOptions,
}

// methodLabel returns the method of a request as in the conventions of OpenTelemetry:
// "_OTHER" for a method that a client made up.
func methodLabel(method string) string {
	if slices.Contains(knownMethods, method) {
		return method
	}
	return "_OTHER"
}
