//go:build linux

package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"achuan/internal/simulator"
)

// expiredLeases is the log message of a replica that ends the takings of another one.
const expiredLeases = "leases expired"

// trio are three clients in the middle of a turn, each with a history: by
// transcript, by id and by name, and one more by transcript with a key.
type trio struct {
	s       *site
	parties []*party
	first   []int64 // the session of each
	begun   []*pending
	gate    chan struct{}
}

// begin has each client's second turn begin at p.
func (s *site) beginTrio(p *process) *trio {
	s.t.Helper()
	x := &trio{s: s, gate: make(chan struct{})}
	for _, c := range []*party{{s: s}, {s: s}, {s: s, user: "ada"}, {s: s}} {
		c.stream = true
		x.parties = append(x.parties, c)
		x.first = append(x.first, c.goOn(p).session)
	}
	x.parties[1].session = x.first[1]
	for i, c := range x.parties {
		s.sim.Script(s.held(x.gate))
		c.say()
		w := p.begin(s.ctx, x.request(i))
		x.begun = append(x.begun, w)
		<-w.heard
	}
	return x
}

// request is the client's for its open question.
func (x *trio) request(i int) request {
	q := x.parties[i].request()
	if i == len(x.parties)-1 {
		q.header[idempotencyKey] = "one"
	}
	return q
}

// repeatAt lets the clients repeat their questions at the first of the replicas when the leases of the
// lost replica have expired. The platform has the answers: no question is asked again.
func (x *trio) repeatAt(others ...*process) {
	x.s.t.Helper()
	eventually(x.s.t, func() bool {
		return slices.ContainsFunc(others, func(p *process) bool { return strings.Contains(p.said(), expiredLeases) })
	})
	got := make([]reply, len(x.parties))
	together(len(x.parties), func(i int) { got[i] = x.parties[i].hear(others[0].ask(x.s.ctx, x.request(i))) })
	for i, c := range x.parties {
		if got[i].session != x.first[i] || got[i].placement != "attached" {
			x.s.t.Errorf("client %d: the repetition = %s, want attached in %d", i, got[i], x.first[i])
		}
		if n := len(x.s.asked(c.transcript[2])); n != 1 {
			x.s.t.Errorf("client %d: the platform saw the question %d times, want 1", i, n)
		}
	}
}

// goOnAt has the clients go on, where they are.
func (x *trio) goOnAt(all ...*process) {
	x.s.t.Helper()
	for i, c := range x.parties {
		for _, p := range all {
			was := c.where
			if r := c.goOn(p); r.placement != "continued" || r.session != was.session {
				x.s.t.Errorf("client %d: %s, after %s", i, r, was)
			}
		}
	}
}

// The conversations of a dead replica continue at the others, with the answers that the platform has.
func TestReplicaIsKilled(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 3, simulator.Options{})
	x := s.beginTrio(all[0])
	all[0].kill()
	all[0].gone()
	close(x.gate) // the platform goes on answering
	x.repeatAt(all[1], all[2])
	s.inFlight(0)
	x.goOnAt(all[2], all[1])
	s.judgeTurns()
}

// A replica that was held up for longer than its leases finds its conversations gone
// on without it. It says what it has of its answers, and touches nothing.
func TestReplicaIsPaused(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 3, simulator.Options{})
	x := s.beginTrio(all[0])
	all[0].pause()
	close(x.gate)
	x.repeatAt(all[1], all[2])
	s.inFlight(0)
	x.goOnAt(all[2])
	all[0].signal(syscall.SIGCONT)
	for i, w := range x.begun {
		if r := <-w.done; r.ok() && r.session != x.first[i] {
			t.Errorf("the paused answer of client %d: %s", i, r)
		}
	}
	x.goOnAt(all...) // it is a replica like the others again
	s.judgeTurns()
}

// A replica that is held up between placing a question and asking it does not ask.
func TestReplicaIsPausedBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 2, simulator.Options{})
	c := &party{s: s, stream: true}
	first := c.goOn(all[0])
	asked := c.say()
	q := c.request()
	q.Temperature = new(0.7)
	s.before(simulator.RouteUpdateSession, all[0].pause)
	w := all[0].begin(s.ctx, q)
	all[1].await(expiredLeases, 1)
	r := c.hear(all[1].ask(s.ctx, q))
	if r.placement != "forked" || r.session == first.session {
		t.Errorf("%s, after %s", r, first)
	}
	all[0].signal(syscall.SIGCONT)
	if got := <-w.done; got.ok() || got.code != "store_unavailable" {
		t.Errorf("the paused request: %s", got)
	}
	if turns := s.asked(asked); len(turns) != 1 || turns[0].SessionID != r.session {
		t.Errorf("asked %d times", len(turns))
	}
	if again := c.goOn(all[0]); again.placement != "continued" || again.session != r.session {
		t.Errorf("afterwards: %s, after %s", again, r)
	}
	s.judgeTurns()
}
