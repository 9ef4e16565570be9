package conversation

import (
	"testing"
	"time"
)

// A turn may owe the end of one taking and go on with another under the same token:
// its lease is kept until both are over, whichever is first.
func TestLeaseOfATurnThatOwes(t *testing.T) {
	for name, steps := range map[string][]struct {
		do   func(*leases, Token)
		held bool
	}{
		"paid, then over": {{(*leases).owe, true}, {(*leases).settled, true}, {(*leases).drop, false}},
		"over, then paid": {{(*leases).owe, true}, {(*leases).drop, true}, {(*leases).settled, false}},
		"owes twice":      {{(*leases).owe, true}, {(*leases).owe, true}, {(*leases).drop, true}, {(*leases).settled, true}, {(*leases).settled, false}},
		"owes nothing":    {{(*leases).drop, false}},
	} {
		l := &leases{life: time.Minute}
		token := newToken()
		l.begin(token, time.Now())
		for i, step := range steps {
			step.do(l, token)
			if held := l.held(token); held != step.held || held != (len(l.tokens()) == 1) {
				t.Errorf("%s, step %d: held %t of %d", name, i, held, len(l.tokens()))
			}
		}
	}
}
