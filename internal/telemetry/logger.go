// Package telemetry has the program's logs, metrics and traces: the logger, the redaction of every log line, the
// names of all log attributes, the request id that connects log lines, the metrics (all are in metric_table.go) and
// the spans (their attributes are in span_attributes.go).
//
// Other packages decide what to log and count. No package uses a global logger: each gets the logger that NewLogger
// returned. This package knows no domain types, and nobody may pass the content of a request to it.
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

// NewLogger returns a logger that writes one line for each record to w, as JSON for FormatJSON and otherwise as text
// in the style of logfmt. It replaces the secrets, JWTs and bearer tokens in each line and adds the context's request
// id.
func NewLogger(w io.Writer, level slog.Level, format string, secrets ...string) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: NewRedactor(secrets...).replaceAttr}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if format == FormatJSON {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(requestIDHandler{h})
}

// requestIDHandler adds the request id and the trace id of the context to each record. Within a group
// (Logger.WithGroup) they are in that group.
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
