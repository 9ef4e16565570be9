package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/telemetry"
)

// maxLoggedText is the number of bytes of a client's text that a log line has.
const maxLoggedText = 128

// accessLog gives each request its state, its writer and its span. When the request ends,
// it writes one log line and counts the request. It never logs content.
func (s *Server) accessLog(dialectOf func(*http.Request) dialect.Dialect) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			x := &requestState{start: time.Now(), dialect: dialectOf(r)}
			w := newWriter(rw, s.opts.WriteTimeout)
			r, x.span = s.startSpan(w, r)
			defer func() {
				w.setWriteDeadline() // for what net/http writes after the handlers; net/http clears it
				status := w.status
				if x.isClientGone {
					status = statusClientGone
				}
				s.countRequest(r, x, status)
				s.logRequest(r, x, status)
			}()
			next.ServeHTTP(w, withState(r, x))
		})
	}
}

func (s *Server) logRequest(r *http.Request, x *requestState, status int) {
	level := logLevel(x, status)
	if !s.opts.Logger.Enabled(r.Context(), level) {
		return
	}
	// The attributes that apply, in the order in which a person reads them.
	attrs := make([]slog.Attr, 0, 18)
	attrs = append(attrs,
		slog.String(telemetry.KeyMethod, chat.Truncate(r.Method, maxLoggedText)),
		slog.String(telemetry.KeyRoute, x.route),
		slog.Int(telemetry.KeyStatus, status),
		slog.Duration(telemetry.KeyDuration, time.Since(x.start)))
	if x.caller.Name != "" {
		attrs = append(attrs, slog.String(telemetry.KeyCaller, x.caller.Name))
	}
	if x.bodyHash != "" {
		attrs = append(attrs, slog.String(telemetry.KeyBody, x.bodyHash))
	}
	attrs = appendError(attrs, x.err, status)
	attrs = appendAnswer(attrs, x)
	s.opts.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// appendError appends the code of an error. It appends the cause only when the client is
// not to blame: the cause of a client's own mistake may quote what it sent.
func appendError(attrs []slog.Attr, e *chat.Error, status int) []slog.Attr {
	if e == nil {
		return attrs
	}
	attrs = append(attrs, slog.String(telemetry.KeyCode, string(e.Code)))
	if status < 400 || status >= 500 {
		attrs = append(attrs, slog.String(telemetry.KeyError, e.Error()))
	}
	return attrs
}

func appendAnswer(attrs []slog.Attr, x *requestState) []slog.Attr {
	if x.model == "" {
		return attrs
	}
	attrs = append(attrs,
		slog.String(telemetry.KeyModel, chat.Truncate(x.model, maxLoggedText)),
		slog.Bool(telemetry.KeyStream, x.isStream))
	if x.placement != "" {
		attrs = append(attrs,
			slog.Int64(telemetry.KeySession, x.session),
			slog.String(telemetry.KeyPlacement, string(x.placement)))
	}
	if x.firstEvent > 0 {
		attrs = append(attrs, slog.Duration(telemetry.KeyFirstEvent, x.firstEvent))
	}
	if x.usage != (chat.Usage{}) {
		attrs = append(attrs,
			slog.Int(telemetry.KeyPromptTokens, x.usage.PromptTokens),
			slog.Int(telemetry.KeyCompletionTokens, x.usage.CompletionTokens),
			slog.Bool(telemetry.KeyEstimated, x.usage.Estimated))
	}
	return attrs
}

// logLevel returns debug for successful probes, and warning for failures of the server or
// of the platform, also for those after the status was sent.
func logLevel(x *requestState, status int) slog.Level {
	switch {
	case status >= 500, x.err != nil && status < 400:
		return slog.LevelWarn
	case x.isProbe && status < 400:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
