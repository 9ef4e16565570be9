package telemetry

import "time"

// The outcomes of a platform call that are no error codes.
const (
	OutcomeOK      = "ok"
	OutcomeGivenUp = "given_up" // by this side, before the reply had ended
)

// PlatformCall counts a finished call. endpoint is its method and path pattern;
// outcome is OutcomeOK, OutcomeGivenUp or an error code.
func (m *Metrics) PlatformCall(endpoint, outcome string, took time.Duration) {
	if m == nil {
		return
	}
	m.platformCalls.WithLabelValues(endpoint, outcome).Inc()
	m.platformDuration.WithLabelValues(endpoint).Observe(took.Seconds())
	if outcome != OutcomeOK && outcome != OutcomeGivenUp {
		m.platformFailed.WithLabelValues(outcome).SetToCurrentTime()
	}
}

// PlatformUp says whether the platform serves.
func (m *Metrics) PlatformUp(up bool) {
	if m != nil {
		m.platformUp.WithLabelValues().Set(oneIf(up))
	}
}

// AccountState is what the platform says to the account.
type AccountState string

// The states of the account.
const (
	AccountUnknown  AccountState = "unknown"   // it was not used yet
	AccountOK       AccountState = "ok"        // it was served
	AccountRefused  AccountState = "refused"   // its login is not accepted
	AccountNoPoints AccountState = "no_points" // its points are used up
)

// accountStates are all of them.
var accountStates = []AccountState{AccountUnknown, AccountOK, AccountRefused, AccountNoPoints}

// AccountState says what state the account is in.
func (m *Metrics) AccountState(now AccountState) {
	if m == nil {
		return
	}
	for _, s := range accountStates {
		m.accountState.WithLabelValues(string(s)).Set(oneIf(s == now))
	}
}
