package conversation

import (
	"context"
	"errors"
	"testing"
	"time"
)

// The end of one taking may be pending while its turn has another taking under the same
// token. The lease lasts until both have ended, whichever ends first.
func TestLeaseOfATurnWithAPendingWrite(t *testing.T) {
	for name, steps := range map[string][]struct {
		do   func(*leases, Token)
		held bool
	}{
		"paid, then over": {{(*leases).addWrite, true}, {(*leases).removeWrite, true}, {(*leases).drop, false}},
		"over, then paid": {{(*leases).addWrite, true}, {(*leases).drop, true}, {(*leases).removeWrite, false}},
		"owes twice":      {{(*leases).addWrite, true}, {(*leases).addWrite, true}, {(*leases).drop, true}, {(*leases).removeWrite, true}, {(*leases).removeWrite, false}},
		"owes nothing":    {{(*leases).drop, false}},
	} {
		l := &leases{duration: time.Minute}
		token := newToken()
		l.begin(token, time.Now())
		for i, step := range steps {
			step.do(l, token)
			if held := l.isHeld(token); held != step.held || held != (len(l.tokens()) == 1) {
				t.Errorf("%s, step %d: held %t of %d", name, i, held, len(l.tokens()))
			}
		}
	}
}

// away is a store that does not work.
type away struct{ Store }

var errAway = errors.New("away")

func (away) Extend(context.Context, []Token) ([]Token, error) { return nil, errAway }

// A process that holds nothing asks the store all the same, so that it knows when the
// store was away, and lets others extend what they hold.
func TestIdleProcessNoticesAnOutage(t *testing.T) {
	for _, needed := range []bool{false, true} {
		l := &leases{duration: time.Minute, isNeeded: needed}
		if err := l.extend(t.Context(), away{}); errors.Is(err, errAway) != needed {
			t.Errorf("extend without leases in hand, needed %t: %v", needed, err)
		}
	}
}
