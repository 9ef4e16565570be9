package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
	"achuan/internal/telemetry"
)

// ownAgent is the beginning of the User-Agent of achuan's own commands. Their requests do not count as scrapes:
// otherwise achuan doctor, which checks that somebody scrapes, would always find a scrape.
const ownAgent = "achuan"

// metrics is GET /metrics.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Cache-Control", "no-store")
	s.opts.Metrics.Handler().ServeHTTP(w, r)
	if !strings.HasPrefix(r.UserAgent(), ownAgent) {
		s.opts.Metrics.RecordScrape()
	}
	return nil
}

// countRequest counts a request that has ended, and ends its span.
func (s *Server) countRequest(r *http.Request, x *requestState, status int) {
	if x.placement != "" {
		s.opts.Metrics.Placed(string(x.placement))
	}
	counted := telemetry.Request{
		Route: x.route, Model: s.modelLabel(r.Context(), x.model), Stream: x.isStream, Status: status,
		Duration: time.Since(x.start), FirstEvent: x.firstEvent,
		PromptTokens: x.usage.PromptTokens, CompletionTokens: x.usage.CompletionTokens,
	}
	if x.err != nil {
		_, counted.ErrorType = openai.Status(x.err.Kind)
		counted.ErrorCode = string(x.err.Code)
		s.countLimit(x.err.Code)
	}
	s.opts.Metrics.Request(counted)
	if x.isClientGone {
		s.opts.Metrics.ClientGone()
	}
	x.span.SetRequest(methodLabel(r.Method), counted, requestIDOf(r))
	x.span.End()
}

// modelLabel returns the id of a served model, and one fixed label for every other text: a
// client could otherwise create any number of series.
func (s *Server) modelLabel(ctx context.Context, id string) string {
	if id == "" || slices.ContainsFunc(s.opts.Chat.Models(ctx), func(m chat.Model) bool { return m.ID == id }) {
		return id
	}
	return telemetry.ModelOther
}

// countLimit counts the limits that only an error code shows.
func (s *Server) countLimit(code chat.Code) {
	switch code {
	case chat.CodeRequestTooLarge:
		s.opts.Metrics.LimitHit(telemetry.LimitBody)
	case chat.CodeOverloaded:
		s.opts.Metrics.LimitHit(telemetry.LimitMemory)
	case chat.CodeSessionBusy:
		s.opts.Metrics.LimitHit(telemetry.LimitQueue)
	}
}

// requireMetricsAccess lets the administrator pass. Without an administrator key it also
// lets requests pass that carry no key and surely come from this machine: no proxy in
// between, no other name, no web page. A proxy that adds no headers looks like this
// machine, so with a key only the key gives access.
func (s *Server) requireMetricsAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.isAdmin(r) || !s.opts.Admin.IsSet() && s.hasNoKey(r) && isLocalRequest(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		s.fail(w, r, s.adminError(r))
	})
}

// isLocalRequest reports whether a request came directly from this machine. A reverse
// proxy and a browser are on this machine too. The Host, the headers of proxies and the
// Origin show what they pass on.
func isLocalRequest(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || !isLoopbackHost(hostname(r.Host)) {
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" && originHost(origin) != hostname(r.Host) {
		return false
	}
	return !isForwarded(r.Header)
}

// isForwarded reports whether a header shows that a proxy passed the request on.
func isForwarded(h http.Header) bool {
	for name := range h {
		switch {
		case strings.HasPrefix(name, "X-Forwarded-"), strings.HasPrefix(name, "Cf-"),
			name == "Forwarded", name == "Via", name == "X-Real-Ip", name == "True-Client-Ip":
			return true
		}
	}
	return false
}
