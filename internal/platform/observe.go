package platform

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// observed is one call, told to the metrics when it has ended, and a step in the
// trace of the request that it is for.
type observed struct {
	client   *Client
	endpoint endpoint
	started  time.Time
	span     *telemetry.Span
}

// observe begins a call.
func (c *Client) observe(ctx context.Context, to endpoint) *observed {
	_, span := telemetry.StartCall(ctx, to.method, to.pattern, c.host)
	return &observed{c, to, time.Now(), span}
}

// end ends the call. It is called once.
func (o *observed) end(outcome string) {
	if outcome != telemetry.OutcomeOK {
		o.span.Fail(outcome)
	}
	o.span.End()
	o.client.seen.metrics.PlatformCall(o.endpoint.method+" "+o.endpoint.pattern, outcome, time.Since(o.started))
	o.client.seen.take(o.endpoint.pattern, outcome)
}

// outcome says what a call came to: an error code where there is one. What this
// side gave up says nothing about the platform.
func outcome(e *chat.Error) string {
	switch {
	case e == nil:
		return telemetry.OutcomeOK
	case e.Code == chat.CodeInternal, e.Code == chat.CodeShuttingDown:
		return telemetry.OutcomeGivenUp
	}
	return string(e.Code)
}

// State is what the last calls say.
type State struct {
	Platform string // "unknown", "up", or the code of the last call's failure
	Account  telemetry.AccountState
}

// State returns what the last calls say of the platform and the account.
func (c *Client) State() State {
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	return c.seen.state
}

// seen keeps what the last calls came to.
type seen struct {
	metrics *telemetry.Metrics
	mu      sync.Mutex
	state   State
}

func newSeen(m *telemetry.Metrics) *seen {
	return &seen{metrics: m, state: State{"unknown", telemetry.AccountUnknown}}
}

// modelsPath is readable without a login on some hosts, so that its success says
// nothing about the account.
const modelsPath = "/chat/tmpl"

// failures are the codes that speak against the platform; any other error is a
// refusal for a reason of its own.
var failures = map[chat.Code]bool{
	chat.CodeBackendUnreachable: true, chat.CodeBackendTimeout: true, chat.CodeBackendUnavailable: true,
	chat.CodeBackendError: true, chat.CodeBackendTruncated: true,
}

// take takes in what a call came to.
func (s *seen) take(pattern, outcome string) {
	if outcome == telemetry.OutcomeGivenUp {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	down := failures[chat.Code(outcome)]
	s.state.Platform = "up"
	if down {
		s.state.Platform = outcome
	}
	s.metrics.PlatformUp(!down)
	if now := s.account(pattern, outcome); now != s.state.Account {
		s.state.Account = now
		s.metrics.AccountState(now)
	}
}

// account returns the account's state after a call. A session can be made without
// points: only an answer shows that there are some again.
func (s *seen) account(pattern, outcome string) telemetry.AccountState {
	switch {
	case outcome == string(chat.CodeBackendAuth):
		return telemetry.AccountRefused
	case outcome == string(chat.CodeInsufficientQuota):
		return telemetry.AccountNoPoints
	case outcome != telemetry.OutcomeOK, pattern == modelsPath:
	case s.state.Account != telemetry.AccountNoPoints, pattern == completionsPath:
		return telemetry.AccountOK
	}
	return s.state.Account
}
