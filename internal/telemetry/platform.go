package telemetry

import "time"

// The outcomes of a platform call that are not error codes.
const (
	OutcomeOK      = "ok"
	OutcomeGivenUp = "given_up" // achuan gave up before the end of the reply
)

// PlatformCall counts a finished call. endpoint is its method and path pattern; outcome is OutcomeOK, OutcomeGivenUp
// or an error code.
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

// PlatformUp sets whether the platform serves.
func (m *Metrics) PlatformUp(up bool) {
	if m != nil {
		m.platformUp.WithLabelValues().Set(boolValue(up))
	}
}

// AccountState is the state of the account on the platform.
type AccountState string

// The states of the account.
const (
	AccountUnknown  AccountState = "unknown"   // it has not been used yet
	AccountOK       AccountState = "ok"        // the platform served its last call
	AccountRefused  AccountState = "refused"   // the platform refuses its JWT
	AccountNoPoints AccountState = "no_points" // it has no points left
)

// accountStates lists all states.
var accountStates = []AccountState{AccountUnknown, AccountOK, AccountRefused, AccountNoPoints}

// AccountState sets the state of the account.
func (m *Metrics) AccountState(current AccountState) {
	if m == nil {
		return
	}
	for _, s := range accountStates {
		m.accountState.WithLabelValues(string(s)).Set(boolValue(s == current))
	}
}
