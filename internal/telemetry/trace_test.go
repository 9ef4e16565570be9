package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Without a collector, tracing allocates nothing.
func TestDisabledTracingAllocatesNothing(t *testing.T) {
	tracer, err := NewTracer(t.Context(), TraceOptions{})
	if tracer != nil || err != nil {
		t.Fatalf("NewTracer without a URL = %v, %v, want nil, nil", tracer, err)
	}
	ctx, h := t.Context(), http.Header{"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}
	allocations := testing.AllocsPerRun(100, func() {
		ctx, request := tracer.StartRequest(ctx, h)
		ctx = WithModel(ctx, "model")
		_, placement := StartPlacement(ctx)
		placement.SetPlacement(4711, "new")
		placement.End()
		_, call := StartCall(ctx, "POST", "/chat/completions", "platform.test")
		call.SetQuestion(ctx, 4711)
		call.AddFirstEvent()
		call.SetUsage(1, 2, false)
		call.SetFinishReason("stop")
		call.Fail("code")
		call.End()
		request.SetRequest("POST", Request{}, "id")
		request.End()
		if request.Traceparent() != "" || TraceID(ctx) != "" {
			t.Error("a nil tracer traced the request, want no trace")
		}
	})
	if allocations != 0 {
		t.Errorf("a request without tracing makes %v allocations, want 0", allocations)
	}
	if err := tracer.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestTracesDisabled(t *testing.T) {
	for _, variable := range []string{"OTEL_SDK_DISABLED=TRUE", "OTEL_TRACES_EXPORTER=none"} {
		t.Run(variable, func(t *testing.T) {
			name, value, _ := strings.Cut(variable, "=")
			t.Setenv(name, value)
			tracer, err := NewTracer(t.Context(), TraceOptions{URL: "http://127.0.0.1:4318"})
			if tracer != nil || err != nil {
				t.Errorf("NewTracer with %s = %v, %v, want nil, nil", variable, tracer, err)
			}
		})
	}
}

// Traces are sent to /v1/traces below the base URL, unless a variable has the whole URL of the endpoint.
func TestTracesURL(t *testing.T) {
	for _, c := range []struct {
		name, base, variable, want string
	}{
		{"a base URL", "", "", "/v1/traces"},
		{"a base URL with a path", "/otlp/", "", "/otlp/v1/traces"},
		{"the variable of the endpoint", "/base", "/own", "/own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			paths := make(chan string, 1)
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				paths <- r.URL.Path
			}))
			defer server.Close()
			if c.variable != "" {
				t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", server.URL+c.variable)
			}
			tracer, err := NewTracer(t.Context(), TraceOptions{
				URL: server.URL + c.base, Logger: slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, span := tracer.StartRequest(t.Context(), http.Header{})
			span.End()
			if err := tracer.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := <-paths; got != c.want {
				t.Errorf("traces were sent to %s, want %s", got, c.want)
			}
		})
	}
}

// When the collector refuses traces, the log has one warning a minute, not one for each batch.
func TestRefusingCollector(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	var log bytes.Buffer
	tracer, err := NewTracer(t.Context(), TraceOptions{
		URL: server.URL, Logger: NewLogger(&log, slog.LevelDebug, FormatText),
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, span := tracer.StartRequest(t.Context(), http.Header{})
		span.End()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := tracer.provider.ForceFlush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "traces could not be sent"); n != 1 {
		t.Errorf("log has %d warnings, want 1:\n%s", n, log.String())
	}
}

// The log lines of a traced request have its trace id.
func TestLogLinesHaveTraceID(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	var log bytes.Buffer
	logger := NewLogger(&log, slog.LevelDebug, FormatText)
	tracer, err := NewTracer(t.Context(), TraceOptions{URL: server.URL, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	ctx, span := tracer.StartRequest(WithRequestID(t.Context(), "mine"), http.Header{
		"Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
	})
	logger.InfoContext(ctx, "hello")
	span.End()
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := "request_id=mine trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n"; !strings.HasSuffix(log.String(), want) {
		t.Errorf("log = %q, want the end %q", log.String(), want)
	}
}
