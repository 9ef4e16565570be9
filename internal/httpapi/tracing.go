package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"achuan/internal/telemetry"
)

// traceparentHeader is W3C Trace Context's. It is taken from a caller, and said
// back to it with this server's own span, so that a caller without traces finds
// them too. It does not go upstream: the platform is somebody else's.
const traceparentHeader = "Traceparent"

// startSpan begins the span of a request to the API. Probes and pages have none.
func (s *Server) startSpan(w http.ResponseWriter, r *http.Request) (*http.Request, *telemetry.Span) {
	if s.opts.Tracer == nil || !strings.HasPrefix(r.URL.Path, "/v1") {
		return r, nil
	}
	ctx, span := s.opts.Tracer.StartRequest(r.Context(), r.Header)
	w.Header().Set(traceparentHeader, span.Traceparent())
	return r.WithContext(ctx), span
}

var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// methodLabel is a request's method as OpenTelemetry's conventions have it: a
// client may make one up.
func methodLabel(method string) string {
	if slices.Contains(knownMethods, method) {
		return method
	}
	return "_OTHER"
}
