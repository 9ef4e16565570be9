// Package telemetry is what the program says about itself: the logger, the
// redaction that every log line passes through, the names of all attributes and
// the request id that ties lines together; the metrics (all in families.go) and the
// traces (their attributes in genai.go).
//
// What happened is decided elsewhere: no package logs through a global, each is
// handed the logger that NewLogger made. Nothing here knows a domain type, and
// nothing here may be given a request's content.
package telemetry

import (
	"context"
	"io"
	"log/slog"
)

// The log formats.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// NewLogger returns a logger that writes one line per record to w, as
// logfmt-like text or as JSON (FormatJSON; any other format is text). Every
// secret, JWT and bearer token is replaced before it is written, and a request
// id in the context is added to the line.
func NewLogger(w io.Writer, level slog.Level, format string, secrets ...string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: NewRedactor(secrets...).replaceAttr}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if format == FormatJSON {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(requestIDHandler{h})
}

// requestIDHandler adds the context's request id, and the id of its trace, to each
// record. Under an open group (Logger.WithGroup) they are in that group.
type requestIDHandler struct{ slog.Handler }

func (h requestIDHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String(KeyRequestID, id))
		if trace := TraceID(ctx); trace != "" {
			r.AddAttrs(slog.String(KeyTraceID, trace))
		}
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestIDHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestIDHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestIDHandler) WithGroup(name string) slog.Handler {
	return requestIDHandler{h.Handler.WithGroup(name)}
}
