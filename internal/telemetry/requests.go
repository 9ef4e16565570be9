package telemetry

import (
	"strconv"
	"time"
)

// ModelOther is the label of every model that is not served. Clients can name any model, and labels must be bounded.
const ModelOther = "other"

// Request describes one finished request.
type Request struct {
	Route  string // the mux pattern
	Model  string // a served model's id, ModelOther, or "" for none
	Stream bool
	Status int // 499 when the client left

	Duration   time.Duration
	FirstEvent time.Duration // 0 when there was none

	PromptTokens, CompletionTokens int

	ErrorType, ErrorCode string // from the error body; "" on success
}

// Request counts a finished request.
func (m *Metrics) Request(r Request) {
	if m == nil {
		return
	}
	if r.Route == "" {
		r.Route = "none"
	}
	stream := strconv.FormatBool(r.Stream)
	m.requests.WithLabelValues(r.Route, r.Model, strconv.Itoa(r.Status), stream).Inc()
	m.duration.WithLabelValues(r.Route, stream).Observe(r.Duration.Seconds())
	if r.FirstEvent > 0 {
		m.firstEvent.WithLabelValues(r.Model).Observe(r.FirstEvent.Seconds())
	}
	if r.PromptTokens > 0 {
		m.tokens.WithLabelValues(r.Model, "prompt").Add(float64(r.PromptTokens))
	}
	if r.CompletionTokens > 0 {
		m.tokens.WithLabelValues(r.Model, "completion").Add(float64(r.CompletionTokens))
	}
	if r.ErrorCode != "" {
		m.errors.WithLabelValues(r.ErrorType, r.ErrorCode).Inc()
	}
}

// StreamOpened counts a streamed answer as in progress, until StreamClosed.
func (m *Metrics) StreamOpened() {
	if m != nil {
		m.openStreams.Inc()
	}
}

// StreamClosed undoes StreamOpened.
func (m *Metrics) StreamClosed() {
	if m != nil {
		m.openStreams.Dec()
	}
}

// Panicked counts a panic of a request handler, a turn or background work.
func (m *Metrics) Panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// ClientGone counts a client that left before the end of its answer.
func (m *Metrics) ClientGone() {
	if m != nil {
		m.clientsGone.Inc()
	}
}

// IgnoredKeys counts n unknown keys of a request.
func (m *Metrics) IgnoredKeys(n int) {
	if m != nil {
		m.ignoredKeys.Add(float64(n))
	}
}

// Limit is a limit of this server, not of the platform.
type Limit string

// The limits.
const (
	LimitBody   Limit = "body"   // the size of a request's body
	LimitMemory Limit = "memory" // the memory for all bodies in flight
	LimitQueue  Limit = "queue"  // how many requests wait for a busy session, and how long
)

// limits lists all limits.
var limits = []Limit{LimitBody, LimitMemory, LimitQueue}

// LimitHit counts a request that a limit refused.
func (m *Metrics) LimitHit(l Limit) {
	if m != nil {
		m.limits.WithLabelValues(string(l)).Inc()
	}
}
