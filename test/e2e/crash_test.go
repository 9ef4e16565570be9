//go:build linux

package e2e

import (
	"testing"

	"achuan/internal/simulator"
)

// A crash before the question, between the calls of a turn: what was to be asked is
// asked once, with the settings that it was to have.
func TestKilledBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		continued bool
		at        simulator.Route
	}{
		{"no session yet", false, simulator.RouteCreateSession},
		{"a new session's settings", false, simulator.RouteUpdateSession},
		{"an old session's settings", true, simulator.RouteUpdateSession},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, simulator.Options{}, file(t))
			p, c1 := s.start(), &party{s: s, stream: true}
			if c.continued {
				c1.goOn(p)
			}
			asked := c1.say()
			q := c1.request()
			q.Temperature = new(0.7)
			s.before(c.at, p.kill)
			if r := p.ask(s.ctx, q); r.ok() {
				t.Errorf("an answer of a process that was killed: %s", r)
			}
			p.gone()
			q.header[retryCount] = "1"
			r := c1.hear(s.start().ask(s.ctx, q))
			if turns := s.asked(asked); len(turns) != 1 || turns[0].Temperature != 0.7 || turns[0].SessionID != firstSession(s) {
				t.Errorf("asked %d times, %s; want once, in session %d", len(turns), r, firstSession(s))
			}
			s.judgeTurns()
		})
	}
}

func firstSession(s *site) int64 { return s.sim.Turns()[0].SessionID }

// A crash while the platform answers loses nothing: a repetition waits for the record and gets the stored answer,
// and the conversation goes on in the same session.
func TestKilledDuringTheAnswer(t *testing.T) {
	t.Parallel()
	for name, header := range repeats {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, simulator.Options{}, file(t))
			p, c := s.start(), &party{s: s, stream: true}
			first := c.goOn(p)
			gate := make(chan struct{})
			s.sim.Script(s.held(gate))
			asked := c.say()
			q := c.request()
			header(q.header, asked)
			w := p.begin(s.ctx, q)
			<-w.heard
			p.kill()
			p.gone()
			if r := <-w.done; r.ok() || r.whole {
				t.Errorf("the reply of a killed process is whole: %s", r)
			}
			p = s.start()
			w = p.begin(s.ctx, q)
			s.recordsRead(1)
			close(gate)
			r := c.hear(<-w.done)
			if turns := s.asked(asked); len(turns) != 1 || r.placement != "attached" || r.session != first.session {
				t.Errorf("asked %d times, %s; want once, attached, session %d", len(turns), r, first.session)
			}
			if again := c.goOn(p); again.placement != "continued" || again.session != first.session {
				t.Errorf("the next question: %s; want continued in session %d", again, first.session)
			}
			s.judgeTurns()
		})
	}
}

// recordsRead waits until processes have asked the platform for records n times.
func (s *site) recordsRead(n int) {
	s.t.Helper()
	s.await("the records are read", func() bool { return s.sim.Calls(simulator.RouteRecords) >= n })
}

const (
	retryCount     = "X-Stainless-Retry-Count"
	idempotencyKey = "Idempotency-Key"
)

// repeats are the ways in which a client sends the same again.
var repeats = map[string]func(header map[string]string, m message){
	"unmarked":           func(map[string]string, message) {},
	"marked":             func(h map[string]string, _ message) { h[retryCount] = "1" },
	"by idempotency key": func(h map[string]string, m message) { h[idempotencyKey] = marks(m.Content)[0] },
}

// A crash right after the end of an answer loses nothing of it: its head was
// committed before the client saw the end.
func TestKilledAfterTheAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t))
	c := &party{s: s, stream: true}
	p := s.start()
	first := c.goOn(p)
	for range 5 {
		p.kill()
		p.gone()
		p = s.start()
		if r := c.goOn(p); r.placement != "continued" || r.session != first.session {
			t.Errorf("after a crash: %s", r)
		}
	}
	// An answer that is kept for its key is not asked for again.
	m := c.say()
	q := c.request()
	q.header[idempotencyKey] = "one"
	answer := c.hear(p.ask(s.ctx, q))
	p.kill()
	p.gone()
	p = s.start()
	if r := p.ask(s.ctx, q); r.placement != "attached" || r.text != answer.text || len(s.asked(m)) != 1 {
		t.Errorf("the stored answer: %s %q, asked %d times", r, r.text, len(s.asked(m)))
	}
	s.judgeTurns()
}

// A session that is reached by id or name is kept after a crash: the repetition of its last question gets the answer
// that the platform stored, and the conversation goes on there.
func TestKilledDuringAnswersByIDAndName(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t))
	p := s.start()
	byID, byName := &party{s: s, stream: true}, &party{s: s, stream: true, user: "ada"}
	byID.session = byID.goOn(p).session
	byID.goOn(p)
	byName.goOn(p)
	gate := make(chan struct{})
	s.sim.Script(s.held(gate), s.held(gate))
	var begun []*pending
	for _, c := range []*party{byID, byName} {
		c.say()
		begun = append(begun, p.begin(s.ctx, c.request()))
	}
	for _, w := range begun {
		<-w.heard
	}
	p.kill()
	p.gone()
	p = s.start()
	begun = nil
	for _, c := range []*party{byID, byName} {
		begun = append(begun, p.begin(s.ctx, c.request()))
	}
	s.recordsRead(2)
	close(gate)
	for i, c := range []*party{byID, byName} {
		was := c.where
		r := c.hear(<-begun[i].done)
		if next := c.goOn(p); r.placement != "attached" || next.placement != "continued" || next.session != was.session {
			t.Errorf("by id %d, by name %q: %s, then %s; want attached, then continued in session %d",
				c.session, c.user, r, next, was.session)
		}
	}
	if n := len(s.sim.Turns()); n != 7 {
		t.Errorf("%d questions were asked, want 7", n)
	}
	s.judgeTurns()
}
