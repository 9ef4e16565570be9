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
		"written, then over": {{(*leases).addWrite, true}, {(*leases).removeWrite, true}, {(*leases).drop, false}},
		"over, then written": {{(*leases).addWrite, true}, {(*leases).drop, true}, {(*leases).removeWrite, false}},
		"two writes":         {{(*leases).addWrite, true}, {(*leases).addWrite, true}, {(*leases).drop, true}, {(*leases).removeWrite, true}, {(*leases).removeWrite, false}},
		"no write":           {{(*leases).drop, false}},
	} {
		l := &leases{duration: time.Minute}
		token := newToken()
		l.begin(token, time.Now())
		for i, step := range steps {
			step.do(l, token)
			if held := l.isHeld(token); held != step.held || held != (len(l.tokens()) == 1) {
				t.Errorf("%s, step %d: isHeld = %t with %d tokens, want %t", name, i, held, len(l.tokens()), step.held)
			}
		}
	}
}

// failingStore is a store that cannot extend leases.
type failingStore struct{ Store }

var errAway = errors.New("away")

func (failingStore) Extend(context.Context, []Token) ([]Token, error) { return nil, errAway }

// A process without leases also calls the store, so that it notices an outage. Then it gives other processes the
// time to extend their leases.
func TestIdleProcessNoticesAnOutage(t *testing.T) {
	for _, needed := range []bool{false, true} {
		l := &leases{duration: time.Minute, isNeeded: needed}
		if err := l.extend(t.Context(), failingStore{}); errors.Is(err, errAway) != needed {
			t.Errorf("extend() without leases = %v with isNeeded %t, want an error = %t", err, needed, needed)
		}
	}
}
