package platform

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// observedCall is one call of the API. When it ends, its result goes to the metrics and to the
// trace of the request that it serves.
type observedCall struct {
	client   *Client
	endpoint endpoint
	started  time.Time
	span     *telemetry.Span
}

// observe begins an observed call.
func (c *Client) observe(ctx context.Context, to endpoint) *observedCall {
	_, span := telemetry.StartCall(ctx, to.method, to.pattern, c.host)
	return &observedCall{c, to, time.Now(), span}
}

// end ends the call. The caller calls it exactly once.
func (o *observedCall) end(outcome string) {
	if outcome != telemetry.OutcomeOK {
		o.span.Fail(outcome)
	}
	o.span.End()
	o.client.health.metrics.PlatformCall(o.endpoint.method+" "+o.endpoint.pattern, outcome, time.Since(o.started))
	o.client.health.recordOutcome(o.endpoint.pattern, outcome)
}

// outcome returns the label for a call's result: the error code, if there is an error. A call that
// this server cancelled says nothing about the platform.
func outcome(e *chat.Error) string {
	switch {
	case e == nil:
		return telemetry.OutcomeOK
	case e.Code == chat.CodeInternal, e.Code == chat.CodeShuttingDown:
		return telemetry.OutcomeGivenUp
	}
	return string(e.Code)
}

// State is the health of the platform and the account according to the last calls.
type State struct {
	Platform string // "unknown", "up", or the code of the last call's failure
	Account  telemetry.AccountState
}

// State returns the health of the platform and the account according to the last calls.
func (c *Client) State() State {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	return c.health.state
}

// health keeps the results of the last calls.
type health struct {
	metrics *telemetry.Metrics
	mu      sync.Mutex
	state   State
}

func newHealth(m *telemetry.Metrics) *health {
	return &health{metrics: m, state: State{"unknown", telemetry.AccountUnknown}}
}

// modelsPath is the path of the list of models. Some hosts serve it without a login, so its
// success says nothing about the account.
const modelsPath = "/chat/tmpl"

// platformFailures are the error codes that mean that the platform is down. Any other error is a
// refusal for another reason.
var platformFailures = map[chat.Code]bool{
	chat.CodeBackendUnreachable: true, chat.CodeBackendTimeout: true, chat.CodeBackendUnavailable: true,
	chat.CodeBackendError: true, chat.CodeBackendTruncated: true,
}

// recordOutcome updates the state with the result of a call.
func (s *health) recordOutcome(pattern, outcome string) {
	if outcome == telemetry.OutcomeGivenUp {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	isDown := platformFailures[chat.Code(outcome)]
	s.state.Platform = "up"
	if isDown {
		s.state.Platform = outcome
	}
	s.metrics.PlatformUp(!isDown)
	if account := s.accountAfter(pattern, outcome); account != s.state.Account {
		s.state.Account = account
		s.metrics.AccountState(account)
	}
}

// accountAfter returns the account's state after a call. A session can be created without points,
// so only an answer shows that the account has points again.
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
