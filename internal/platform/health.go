package platform

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// observedCall is one call, told to the metrics when it has ended, and a step in the
// trace of the request that it is for.
type observedCall struct {
	client   *Client
	endpoint endpoint
	started  time.Time
	span     *telemetry.Span
}

// observe begins a call.
func (c *Client) observe(ctx context.Context, to endpoint) *observedCall {
	_, span := telemetry.StartCall(ctx, to.method, to.pattern, c.host)
	return &observedCall{c, to, time.Now(), span}
}

// end ends the call. It is called once.
func (o *observedCall) end(outcome string) {
	if outcome != telemetry.OutcomeOK {
		o.span.Fail(outcome)
	}
	o.span.End()
	o.client.health.metrics.PlatformCall(o.endpoint.method+" "+o.endpoint.pattern, outcome, time.Since(o.started))
	o.client.health.recordOutcome(o.endpoint.pattern, outcome)
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
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	return c.health.state
}

// health keeps what the last calls came to.
type health struct {
	metrics *telemetry.Metrics
	mu      sync.Mutex
	state   State
}

func newHealth(m *telemetry.Metrics) *health {
	return &health{metrics: m, state: State{"unknown", telemetry.AccountUnknown}}
}

// modelsPath is readable without a login on some hosts, so that its success says
// nothing about the account.
const modelsPath = "/chat/tmpl"

// platformFailures are the codes that speak against the platform; any other error is a
// refusal for a reason of its own.
var platformFailures = map[chat.Code]bool{
	chat.CodeBackendUnreachable: true, chat.CodeBackendTimeout: true, chat.CodeBackendUnavailable: true,
	chat.CodeBackendError: true, chat.CodeBackendTruncated: true,
}

// recordOutcome takes in what a call came to.
func (s *health) recordOutcome(pattern, outcome string) {
	if outcome == telemetry.OutcomeGivenUp {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	down := platformFailures[chat.Code(outcome)]
	s.state.Platform = "up"
	if down {
		s.state.Platform = outcome
	}
	s.metrics.PlatformUp(!down)
	if now := s.accountAfter(pattern, outcome); now != s.state.Account {
		s.state.Account = now
		s.metrics.AccountState(now)
	}
}

// accountAfter returns the account's state after a call. A session can be made without
// points: only an answer shows that there are some again.
func (s *health) accountAfter(pattern, outcome string) telemetry.AccountState {
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
