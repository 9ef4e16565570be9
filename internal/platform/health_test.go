package platform

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// What calls say of the platform and the account, one after the other.
func TestState(t *testing.T) {
	const session = "/chat/session"
	type call struct {
		pattern, outcome string
		want             State
	}
	for _, c := range []struct {
		name  string
		calls []call
	}{
		{"models say nothing of the account", []call{
			{modelsPath, "ok", State{"up", telemetry.AccountUnknown}}, {session, "ok", State{"up", telemetry.AccountOK}},
		}},
		{"what was given up says nothing", []call{
			{completionsPath, "given_up", State{"unknown", telemetry.AccountUnknown}},
			{completionsPath, "backend_timeout", State{"backend_timeout", telemetry.AccountUnknown}},
			{completionsPath, "given_up", State{"backend_timeout", telemetry.AccountUnknown}},
		}},
		{"a refused login", []call{
			{session, "backend_auth", State{"up", telemetry.AccountRefused}}, {modelsPath, "ok", State{"up", telemetry.AccountRefused}},
			{session, "backend_unreachable", State{"backend_unreachable", telemetry.AccountRefused}}, {session, "ok", State{"up", telemetry.AccountOK}},
		}},
		{"points used up", []call{
			{completionsPath, "insufficient_quota", State{"up", telemetry.AccountNoPoints}}, {session, "ok", State{"up", telemetry.AccountNoPoints}},
			{completionsPath, "content_filter", State{"up", telemetry.AccountNoPoints}}, {completionsPath, "ok", State{"up", telemetry.AccountOK}},
		}},
		{"refusals are no outage", []call{
			{completionsPath, "backend_error", State{"backend_error", telemetry.AccountUnknown}},
			{completionsPath, "rate_limit_exceeded", State{"up", telemetry.AccountUnknown}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newTestClient(t, Options{CompletionsURL: "http://platform.test/api/chat/completions"})
			for _, call := range c.calls {
				client.health.recordOutcome(call.pattern, call.outcome)
				if diff := cmp.Diff(call.want, client.State()); diff != "" {
					t.Errorf("State after %s of %s (-want +got):\n%s", call.outcome, call.pattern, diff)
				}
			}
		})
	}
}

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		err  *chat.Error
		want string
	}{
		{nil, "ok"}, {timedOut.withCause(nil), "backend_timeout"}, {abandoned.withCause(nil), "given_up"},
		{&chat.Error{Code: chat.CodeShuttingDown}, "given_up"}, {sessionLost.withCause(nil), "session_not_found"},
	} {
		if got := outcome(c.err); got != c.want {
			t.Errorf("outcome(%v) = %s, want %s", c.err, got, c.want)
		}
	}
}
