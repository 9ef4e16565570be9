//go:build linux

package e2e

import (
	"slices"
	"testing"

	"achuan/internal/simulator"
)

// titleTask is the instruction with which one well-known agent asks for a title.
const titleTask = "You are a title generator. You output ONLY a thread title. Nothing else."

// An agent asks for a title while its first turn is under way, under the same labels.
// The named session is not disturbed, and what the title was asked in is deleted.
func TestSideTaskBesideTheFirstTurn(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t))
	p, c := s.start(), &party{s: s, user: "ada", stream: true}
	label := map[string]string{"X-Session-Id": "ses_2f1c9a"}
	gate := make(chan struct{})
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { r := s.held(gate); return &r })
	first := c.say()
	q := c.request()
	q.header = label
	title := q
	title.Messages = []message{{"system", titleTask}, {"user", "Generate a title for this conversation:\n"}, first}
	begun := []*pending{p.begin(s.ctx, q), p.begin(s.ctx, title)}
	s.inFlight(2) // neither waits for the other
	close(gate)
	r := c.hear(<-begun[0].done)
	aside := <-begun[1].done
	if !aside.ok() || aside.session == r.session {
		t.Errorf("the title: %s, beside %s", aside, r)
	}
	s.await("the title's session is deleted", func() bool { return slices.Equal(s.sim.Deleted(), []int64{aside.session}) })
	for range 2 {
		if again := c.goOn(p); again.placement != "continued" || again.session != r.session {
			t.Errorf("afterwards: %s, after %s", again, r)
		}
	}
	if n := len(s.sim.Records(r.session)); n != 3 {
		t.Errorf("%d exchanges in the named session", n)
	}
	if deleted := s.sim.Deleted(); len(deleted) != 1 {
		t.Errorf("deleted %v", deleted)
	}
}
