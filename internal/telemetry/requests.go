package telemetry

import (
	"strconv"
	"time"
)

// ModelOther stands for every model that is not served: a client may ask for any.
const ModelOther = "other"

// Request is what is counted of one finished request.
type Request struct {
	Route  string // the mux pattern
	Model  string // a served model's id, ModelOther, or "" for none
	Stream bool
	Status int // 499 when the client left

	Duration   time.Duration
	FirstEvent time.Duration // 0: none came

	PromptTokens, CompletionTokens int

	ErrorType, ErrorCode string // of the error body; "" when it went well
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

// Scraped notes that the metrics have just been read.
func (m *Metrics) Scraped() {
	if m != nil {
		m.scraped.WithLabelValues().SetToCurrentTime()
	}
}

// StreamOpened counts a streamed answer as under way, until StreamClosed.
func (m *Metrics) StreamOpened() {
	if m != nil {
		m.openStreams.Inc()
	}
}

// StreamClosed ends what StreamOpened began.
func (m *Metrics) StreamClosed() {
	if m != nil {
		m.openStreams.Dec()
	}
}

// Panicked counts a handler that panicked.
func (m *Metrics) Panicked() {
	if m != nil {
		m.panics.Inc()
	}
}

// ClientGone counts a client that did not wait for the end.
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

// Limit is a limit of this server's own.
type Limit string

// The limits.
const (
	LimitBody     Limit = "body"     // a request's size
	LimitMemory   Limit = "memory"   // the bodies in flight, together
	LimitQueue    Limit = "queue"    // waiting for a busy session: too many, or too long
	LimitRequests Limit = "requests" // a caller's requests in a time
	LimitParallel Limit = "parallel" // a caller's requests at once
	LimitTokens   Limit = "tokens"   // a caller's tokens in a time
	LimitBudget   Limit = "budget"   // what a caller may use up in all
)

// allLimits are all of them.
var allLimits = []Limit{LimitBody, LimitMemory, LimitQueue, LimitRequests, LimitParallel, LimitTokens, LimitBudget}

// LimitHit counts a request that was refused because of a limit.
func (m *Metrics) LimitHit(l Limit) {
	if m != nil {
		m.limits.WithLabelValues(string(l)).Inc()
	}
}
