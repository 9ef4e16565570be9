package app_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// traceCollector is an OpenTelemetry collector.
type traceCollector struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []*trace.Span
	resource map[string]string
	problem  error
}

func startCollector(t *testing.T) *traceCollector {
	c := &traceCollector{}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

func (c *traceCollector) take(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	switch {
	case err != nil:
		c.problem = err
	case r.URL.Path != "/v1/traces":
		c.problem = fmt.Errorf("path of a request for traces = %s, want /v1/traces", r.URL.Path)
	default:
		c.problem = proto.Unmarshal(body, &export)
	}
	for _, of := range export.GetResourceSpans() {
		c.resource = attributeMap(of.GetResource().GetAttributes())
		for _, scope := range of.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// traceRequests runs requests against a server that exports traces, stops it, and returns the exported spans by name.
func traceRequests(
	t *testing.T, sim *simulator.Simulator, requests func(base string),
) (*traceCollector, map[string]*trace.Span) {
	t.Helper()
	c := startCollector(t)
	t.Run("requests", func(t *testing.T) {
		requests(serve(t, sim, func(s *config.Settings) { s.TracesURL = c.URL }))
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problem != nil {
		t.Fatal(c.problem)
	}
	byName := map[string]*trace.Span{}
	for _, s := range c.spans {
		byName[s.GetName()] = s
	}
	return c, byName
}

func attributeMap(list []*common.KeyValue) map[string]string {
	m := map[string]string{}
	for _, kv := range list {
		switch v := kv.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			m[kv.GetKey()] = v.StringValue
		case *common.AnyValue_IntValue:
			m[kv.GetKey()] = fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			m[kv.GetKey()] = fmt.Sprint(v.BoolValue)
		case *common.AnyValue_ArrayValue:
			for _, e := range v.ArrayValue.GetValues() {
				m[kv.GetKey()] += e.GetStringValue()
			}
		}
	}
	return m
}

const (
	callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callersSpan  = "00f067aa0ba902b7"
)

// The spans of one request form one trace from the caller to the platform's first event.
func TestTrace(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Reply{Text: "secret answer", Usage: &simulator.Usage{Prompt: 205, Completion: 4}})
	var session, got string
	c, spans := traceRequests(t, sim, func(base string) {
		resp := postChat(t, base, `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"secret question"}]}`,
			"Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01", "X-Request-Id", "mine")
		session, got = resp.Header.Get("X-Session-Id"), resp.Header.Get("Traceparent")
	})
	for _, s := range spans {
		if got := hex.EncodeToString(s.GetTraceId()); got != callersTrace && strings.Contains(s.GetName(), "chat") {
			t.Errorf("span %s is in the trace %s, want the caller's trace", s.GetName(), got)
		}
	}
	server, placement, ask := spans["POST /v1/chat/completions"], spans["placement"], spans["chat gpt-5.1-high"]
	if server == nil || placement == nil || ask == nil || spans["POST /chat/session"] == nil {
		t.Fatalf("spans = %v, want one of each", spans)
	}
	if got := hex.EncodeToString(server.GetParentSpanId()); got != callersSpan {
		t.Errorf("parent of the server's span = %s, want the caller's span", got)
	}
	if want := "00-" + callersTrace + "-" + hex.EncodeToString(server.GetSpanId()) + "-01"; got != want {
		t.Errorf("traceparent of the reply = %s, want %s", got, want)
	}
	for _, s := range []*trace.Span{placement, ask, spans["POST /chat/session"]} {
		if !cmp.Equal(s.GetParentSpanId(), server.GetSpanId()) {
			t.Errorf("parent of span %s is another span, want the server's span", s.GetName())
		}
	}
	for _, c := range []struct {
		span *trace.Span
		kind trace.Span_SpanKind
		want map[string]string
	}{
		{server, trace.Span_SPAN_KIND_SERVER, map[string]string{
			"http.request.method": "POST", "http.route": "/v1/chat/completions", "http.response.status_code": "200",
			"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5.1-high", "gen_ai.conversation.id": session,
			"achuan.placement": "new", "achuan.request_id": "mine", "achuan.stream": "true",
		}},
		{placement, trace.Span_SPAN_KIND_INTERNAL, map[string]string{"achuan.placement": "new", "gen_ai.conversation.id": session}},
		{ask, trace.Span_SPAN_KIND_CLIENT, map[string]string{
			"http.request.method": "POST", "url.template": "/chat/completions", "server.address": "127.0.0.1",
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "achuan", "gen_ai.request.model": "gpt-5.1-high",
			"gen_ai.conversation.id": session, "gen_ai.usage.input_tokens": "205", "gen_ai.usage.output_tokens": "4",
			"achuan.usage.estimated": "false", "gen_ai.response.finish_reasons": "stop",
		}},
	} {
		if diff := cmp.Diff(c.want, attributeMap(c.span.GetAttributes())); diff != "" || c.span.GetKind() != c.kind {
			t.Errorf("attributes of span %s of kind %v (-want +got):\n%s", c.span.GetName(), c.span.GetKind(), diff)
		}
	}
	for _, s := range []*trace.Span{server, ask} {
		if len(s.GetEvents()) != 1 || s.GetEvents()[0].GetName() != "first_event" {
			t.Fatalf("events of span %s = %v, want one", s.GetName(), s.GetEvents())
		}
		if at := s.GetEvents()[0].GetTimeUnixNano(); at < s.GetStartTimeUnixNano() || at > s.GetEndTimeUnixNano() {
			t.Errorf("first event of span %s = %v, want a time within the span", s.GetName(), time.Unix(0, int64(at)))
		}
	}
	if c.resource["service.name"] != "achuan" || c.resource["service.version"] != "1.2.3" {
		t.Errorf("resource = %v, want name and version of the service", c.resource)
	}
	if all := fmt.Sprint(c.spans); strings.Contains(all, "secret") || strings.Contains(all, "token") && strings.Contains(all, "Authorization") {
		t.Errorf("spans = %s, want no content", all)
	}
}

// The spans show by an error code where a request failed.
func TestTraceOfFailure(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	sim.Script(simulator.Fail("什么都坏了"))
	_, spans := traceRequests(t, sim, func(base string) {
		postChat(t, base, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"Hi"}]}`)
	})
	for name, want := range map[string]string{"POST /v1/chat/completions": "backend_error", "chat gpt-5.1-high": "backend_error", "placement": ""} {
		s := spans[name]
		if got := attributeMap(s.GetAttributes())["error.type"]; got != want {
			t.Errorf("error.type of span %s = %q, want %q", name, got, want)
		}
		if failed := s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR; failed != (want != "") {
			t.Errorf("failure of span %s = %t, want %t", name, failed, !failed)
		}
	}
}

// A request that its caller does not sample has no spans, and neither have probes.
func TestUntracedRequests(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	_, spans := traceRequests(t, sim, func(base string) {
		postChat(t, base, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"Hi"}]}`, "Traceparent", "00-"+callersTrace+"-"+callersSpan+"-00")
		resp, err := http.Get(base + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	})
	if len(spans) != 0 {
		t.Errorf("spans = %v, want none", spans)
	}
}

// Requests to the platform have no trace headers, because the platform belongs to others.
func TestPlatformGetsNoTraceHeaders(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	traceRequests(t, sim, func(base string) {
		postChat(t, base, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"Hi"}]}`,
			"Traceparent", "00-"+callersTrace+"-"+callersSpan+"-01", "Tracestate", "a=b", "Baggage", "c=d")
	})
	turns := sim.Turns()
	if len(turns) != 1 {
		t.Fatalf("platform got %d turns, want 1", len(turns))
	}
	for name := range turns[0].Header {
		if n := strings.ToLower(name); strings.HasPrefix(n, "trace") || n == "baggage" {
			t.Errorf("platform got the header %s, want none", name)
		}
	}
}

// postChat sends a chat request with headers (names and values) and reads the whole reply.
func postChat(t *testing.T, base, body string, headers ...string) *http.Response {
	t.Helper()
	resp, _ := exchange(t, http.MethodPost, base+"/v1/chat/completions", body, headers...)
	return resp
}
