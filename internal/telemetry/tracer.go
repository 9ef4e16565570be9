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

// TraceOptions say where traces go.
type TraceOptions struct {
	// URL is the collector's base URL, to which traces are sent as protobuf over
	// HTTP; "" traces nothing. The other OTEL_ variables (headers, service name,
	// sampler, batches, …) are OpenTelemetry's own to read.
	URL     string
	Version string // of the program
	Logger  *slog.Logger
}

// Tracer begins traces. A nil *Tracer begins none, which is what costs nothing.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// scope names this program as the maker of spans.
const scope = "achuan"

// NewTracer returns a tracer that sends what it records in the background, or nil
// when nothing is to be traced.
func NewTracer(ctx context.Context, o TraceOptions) (*Tracer, error) {
	if o.URL == "" || tracesDisabled() {
		return nil, nil
	}
	var options []otlptracehttp.Option
	if os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" { // which is read by the exporter and goes first
		options = append(options, otlptracehttp.WithEndpointURL(strings.TrimSuffix(o.URL, "/")+"/v1/traces"))
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "achuan"), attribute.String("service.version", o.Version)),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&lenientExporter{SpanExporter: exporter, logger: o.Logger}),
		sdktrace.WithResource(about))
	return &Tracer{provider, provider.Tracer(scope)}, nil
}

// tracesDisabled reports whether the standard variables turn tracing off.
func tracesDisabled() bool {
	return strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none"
}

// Close sends what is left and ends the background work.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Serve begins the span of a request that came in. It is a part of the trace that
// the header's traceparent names, if it names one, else the first of its own.
func (t *Tracer) Serve(ctx context.Context, h http.Header) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(h))
	ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, &Span{span}
}

// warnEvery bounds how often it is told that traces get lost.
const warnEvery = time.Minute

// lenientExporter tells in the log that traces could not be sent: a collector
// that is away is no failure of ours, and OpenTelemetry's own handler of errors
// is global.
type lenientExporter struct {
	sdktrace.SpanExporter
	logger *slog.Logger
	warned atomic.Int64 // Unix seconds
}

// ExportSpans is sdktrace.SpanExporter's.
func (e *lenientExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	now, last := time.Now().Unix(), e.warned.Load()
	if err != nil && now-last >= int64(warnEvery/time.Second) && e.warned.CompareAndSwap(last, now) {
		e.logger.WarnContext(ctx, "traces could not be sent", KeyCount, len(spans), KeyError, err)
	}
	return nil
}
