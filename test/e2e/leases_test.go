//go:build linux

package e2e

import (
	"syscall"
	"testing"

	"achuan/internal/simulator"
)

// ranOut is what a replica says when it finds that another's leases ran out.
const ranOut = "leases ran out"

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

// repeatAt has the clients repeat their questions at p, which takes until the leases
// of the other replica have run out, but by transcript. The one with the key attaches
// to its turn, and asks when that has come to nothing.
func (x *trio) repeatAt(p *process) {
	x.s.t.Helper()
	r := x.parties[0].hear(p.ask(x.s.ctx, x.request(0)))
	if r.session == x.first[0] || r.placement != "forked" {
		x.s.t.Errorf("by transcript: %s, which was in %d", r, x.first[0])
	}
	got := make([]reply, len(x.parties))
	together(len(x.parties)-1, func(i int) { got[i+1] = x.parties[i+1].hear(p.ask(x.s.ctx, x.request(i+1))) })
	for i, want := range []string{"", "replayed", "replayed", "attached"} {
		if i > 0 && (got[i].session == x.first[i] || got[i].placement != want) {
			x.s.t.Errorf("client %d: %s, which was in %d, want it %s", i, got[i], x.first[i], want)
		}
	}
	for i, c := range x.parties {
		if n := len(x.s.asked(c.transcript[2])); n != 2 {
			x.s.t.Errorf("client %d: asked %d times", i, n)
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

// left checks that nothing was asked in the sessions that were given up since their
// turn was.
func (x *trio) left() {
	x.s.t.Helper()
	turns := map[int64]int{}
	for _, turn := range x.s.sim.Turns() {
		turns[turn.SessionID]++
	}
	for i, id := range x.first {
		if turns[id] != 2 {
			x.s.t.Errorf("client %d: %d turns in session %d", i, turns[id], id)
		}
	}
}

// What comes free of a dead replica are its conversations, not its sessions.
func TestReplicaIsKilled(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 3, simulator.Options{})
	x := s.beginTrio(all[0])
	all[0].kill()
	all[0].gone()
	x.repeatAt(all[1])
	close(x.gate) // the platform had gone on answering
	s.inFlight(0)
	x.goOnAt(all[2], all[1])
	x.left()
	s.judgeTurns()
}

// A replica that was held up for longer than its leases finds its conversations gone
// on without it. It says what it has of its answers, and touches nothing.
func TestReplicaIsPaused(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 3, simulator.Options{})
	x := s.beginTrio(all[0])
	all[0].pause()
	x.repeatAt(all[1])
	close(x.gate)
	s.inFlight(0)
	x.goOnAt(all[2])
	all[0].signal(syscall.SIGCONT)
	for i, w := range x.begun {
		if r := <-w.done; r.ok() && r.session != x.first[i] {
			t.Errorf("the paused answer of client %d: %s", i, r)
		}
	}
	x.goOnAt(all...) // it is a replica like the others again
	x.left()
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
	all[1].await(ranOut, 1)
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
