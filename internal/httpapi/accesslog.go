package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// maxLoggedText bounds a client's text in a log line, in bytes.
const maxLoggedText = 128

// accessLog gives each request its exchange, its writer and its span, and tells in
// one line and in the metrics how it went. No content is told.
func (s *Server) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		x := &requestState{start: time.Now()}
		w := newWriter(rw, s.opts.WriteTimeout)
		r, x.span = s.startSpan(w, r)
		defer func() {
			w.setWriteDeadline() // for what net/http writes when the handlers are done; it takes it away itself
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

func (s *Server) logRequest(r *http.Request, x *requestState, status int) {
	level := logLevel(x, status)
	if !s.opts.Logger.Enabled(r.Context(), level) {
		return
	}
	// Each attribute that has something to say, in the order that a person reads.
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

// appendError tells the code and, where the client is not told what to do about
// it, the cause. A client's own mistake may quote what it sent: that stays out.
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

// logLevel is debug for probes that went well, and a warning for what the server
// or the platform is to blame for, whether the status says so or had left before.
func logLevel(x *requestState, status int) slog.Level {
	switch {
	case status >= 500, x.err != nil && status < 400:
		return slog.LevelWarn
	case x.isProbe && status < 400:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}
