package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// TraceOptions say where to send traces.
type TraceOptions struct {
	// URL is the collector's base URL, which gets traces as protobuf over HTTP; "" turns tracing off. The
	// OpenTelemetry SDK reads the other OTEL_ variables (headers, service name, sampler, batches and so on).
	URL     string
	Version string // version of the program
	Logger  *slog.Logger
}

// Tracer begins traces. A nil *Tracer begins none and costs nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// tracerName is the instrumentation scope of all spans.
const tracerName = "achuan"

// NewTracer returns a tracer that sends its spans in the background, or nil when tracing is off.
func NewTracer(ctx context.Context, o TraceOptions) (*Tracer, error) {
	if o.URL == "" || isTracingDisabled() {
		return nil, nil
	}
	var options []otlptracehttp.Option
	// The exporter reads this variable itself, and the variable has priority.
	if os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		options = append(options, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.URL, "/")+"/v1/traces"))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	program, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "achuan"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&loggingExporter{SpanExporter: exporter, logger: o.Logger}),
		sdktrace.WithResource(program))
	return &Tracer{provider, provider.Tracer(tracerName)}, nil
}

// isTracingDisabled reports whether the standard variables turn tracing off.
func isTracingDisabled() bool {
	return strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none"
}

// Close sends the remaining spans and ends the background work.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// StartRequest begins the span of an incoming request. The span belongs to the trace in the traceparent header, or to
// a new trace without that header.
func (t *Tracer) StartRequest(ctx context.Context, h http.Header) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, &Span{span}
}

// minWarnInterval is the shortest time between two warnings about lost traces.
const minWarnInterval = time.Minute

// loggingExporter logs that traces could not be sent and reports no error: an absent collector must not disturb the
// server, and OpenTelemetry's own error handler is global.
type loggingExporter struct {
	sdktrace.SpanExporter
	logger *slog.Logger
	warned atomic.Int64 // time of the last warning, in Unix seconds
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *loggingExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	now, last := time.Now().Unix(), e.warned.Load()
	if err != nil && now-last >= int64(minWarnInterval/time.Second) && e.warned.CompareAndSwap(last, now) {
		e.logger.WarnContext(ctx, "traces could not be sent", KeyCount, len(spans), KeyError, err)
	}
	return nil
}
