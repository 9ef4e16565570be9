package telemetry

import (
	"testing"
	"time"
)

// BenchmarkRequest measures what counting one request costs.
func BenchmarkRequest(b *testing.B) {
	m := NewMetrics(Build{})
	r := Request{
		Route: "/v1/chat/completions", Model: "gpt-5.1-high", Stream: true, Status: 200,
		Duration: time.Second, FirstEvent: time.Second, PromptTokens: 7, CompletionTokens: 2,
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Request(r)
		m.Placed("new")
		m.PlatformCall("POST /chat/completions", OutcomeOK, time.Second)
	}
}
