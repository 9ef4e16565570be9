package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"achuan/internal/chat"
)

// rootInfo is GET /: it says what runs here and where the API is.
func (s *Server) rootInfo(w http.ResponseWriter, _ *http.Request) error {
	return writeValue(w, http.StatusOK, struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Message string `json:"message"`
	}{"achuan", s.opts.Version, "An OpenAI-compatible API. Point a client at this address with /v1 behind it; the models are at /v1/models."})
}

// healthz is GET /healthz: it says that the process serves.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeValue(w, http.StatusOK, health{Status: "ok"})
}

type health struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
	// MetricsScraped is the time of the last scrape of /metrics, for achuan doctor.
	MetricsScraped time.Time `json:"metrics_scraped,omitzero"`
}

// checksTimeout bounds the checks. Orchestrators give a probe one or a few seconds.
const checksTimeout = time.Second

// readyz is GET /readyz: it says whether the server takes requests. The checks do not
// decide that: otherwise an outage of the platform would remove every replica.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	h, status := health{Status: "ready"}, http.StatusOK
	switch {
	case s.draining.Load():
		h.Status, status = "draining", http.StatusServiceUnavailable
	case !s.ready.Load():
		h.Status, status = "starting", http.StatusServiceUnavailable
	}
	if s.opts.Checks != nil {
		ctx, cancel := context.WithTimeout(r.Context(), checksTimeout)
		defer cancel()
		h.Checks = s.opts.Checks(ctx)
	}
	h.MetricsScraped = s.opts.Metrics.LastScrape().UTC().Truncate(time.Second)
	return writeValue(w, status, h)
}

// writeValue writes v as a reply that caches must not keep.
func writeValue(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return chat.AsError(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, status, append(body, '\n'))
}
