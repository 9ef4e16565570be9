//go:build linux

package e2e

import (
	"testing"

	"achuan/internal/simulator"
)

// The process crashes between the platform requests of a turn, before the question. The repetition asks the question
// once, with its settings.
func TestKilledBeforeQuestion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		isContinued bool
		at          simulator.Route
	}{
		{"no session yet", false, simulator.RouteCreateSession},
		{"a new session's settings", false, simulator.RouteUpdateSession},
		{"an old session's settings", true, simulator.RouteUpdateSession},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
			p, c1 := env.start(), &chatClient{env: env, stream: true}
			if c.isContinued {
				c1.askNext(p)
			}
			question := c1.addQuestion()
			q := c1.request()
			q.Temperature = new(0.7)
			env.callBefore(c.at, p.kill)
			if r := p.ask(env.ctx, q); r.isSuccess() {
				t.Errorf("reply of the killed process = %s, want no answer", r)
			}
			p.waitForExit()
			q.header[retryCountHeader] = "1"
			r := c1.receive(env.start().ask(env.ctx, q))
			turns := env.turnsOf(question)
			if len(turns) != 1 || turns[0].Temperature != 0.7 || turns[0].SessionID != firstSessionID(env) {
				t.Errorf("question was asked %d times, reply = %s; want once, in session %d", len(turns), r, firstSessionID(env))
			}
			env.checkTurns()
		})
	}
}

func firstSessionID(env *testEnv) int64 { return env.sim.Turns()[0].SessionID }

// The process crashes while the platform answers. Nothing is lost: a repetition waits for the record and gets the
// stored answer, and the conversation continues in the same session.
func TestKilledDuringAnswer(t *testing.T) {
	t.Parallel()
	for name, addHeader := range repeatModes {
		t.Run(name, func(t *testing.T) {
			env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
			p, c := env.start(), &chatClient{env: env, stream: true}
			first := c.askNext(p)
			gate := make(chan struct{})
			env.sim.Script(env.gatedAnswer(gate))
			question := c.addQuestion()
			q := c.request()
			addHeader(q.header, question)
			w := p.startRequest(env.ctx, q)
			<-w.firstText
			p.kill()
			p.waitForExit()
			if r := <-w.done; r.isSuccess() || r.isComplete {
				t.Errorf("reply of the killed process = %s, want an incomplete answer", r)
			}
			p = env.start()
			w = p.startRequest(env.ctx, q)
			env.waitForRecordRequests(1)
			close(gate)
			r := c.receive(<-w.done)
			if turns := env.turnsOf(question); len(turns) != 1 || r.placement != "attached" || r.session != first.session {
				t.Errorf("question was asked %d times, reply = %s; want once, attached in session %d", len(turns), r, first.session)
			}
			if again := c.askNext(p); again.placement != "continued" || again.session != first.session {
				t.Errorf("next turn = %s, want it continued in session %d", again, first.session)
			}
			env.checkTurns()
		})
	}
}

// waitForRecordRequests waits until processes have requested records from the platform n times.
func (env *testEnv) waitForRecordRequests(n int) {
	env.t.Helper()
	env.waitFor("requests for records", func() bool { return env.sim.Calls(simulator.RouteRecords) >= n })
}

const (
	retryCountHeader     = "X-Stainless-Retry-Count"
	idempotencyKeyHeader = "Idempotency-Key"
)

// repeatModes are the ways in which a client marks a repeated request.
var repeatModes = map[string]func(header map[string]string, m message){
	"unmarked":           func(map[string]string, message) {},
	"marked":             func(h map[string]string, _ message) { h[retryCountHeader] = "1" },
	"by idempotency key": func(h map[string]string, m message) { h[idempotencyKeyHeader] = marksIn(m.Content)[0] },
}

// The process crashes directly after an answer. Nothing is lost, because the process commits the head before it sends
// the end of the answer.
func TestKilledAfterAnswer(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
	c := &chatClient{env: env, stream: true}
	p := env.start()
	first := c.askNext(p)
	for range 5 {
		p.kill()
		p.waitForExit()
		p = env.start()
		if r := c.askNext(p); r.placement != "continued" || r.session != first.session {
			t.Errorf("turn after a crash = %s, want it continued in session %d", r, first.session)
		}
	}
	// An answer that is stored for an idempotency key is not requested again.
	m := c.addQuestion()
	q := c.request()
	q.header[idempotencyKeyHeader] = "one"
	answer := c.receive(p.ask(env.ctx, q))
	p.kill()
	p.waitForExit()
	p = env.start()
	if r := p.ask(env.ctx, q); r.placement != "attached" || r.text != answer.text || len(env.turnsOf(m)) != 1 {
		t.Errorf("repetition = %s %q, asked %d times; want the stored answer", r, r.text, len(env.turnsOf(m)))
	}
	env.checkTurns()
}

// A session that requests name by id or name stays in use after a crash: the repetition of its last question gets the
// answer that the platform stored, and the conversation continues there.
func TestKilledDuringAnswersByIDAndName(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
	p := env.start()
	byID, byName := &chatClient{env: env, stream: true}, &chatClient{env: env, stream: true, user: "ada"}
	byID.session = byID.askNext(p).session
	byID.askNext(p)
	byName.askNext(p)
	gate := make(chan struct{})
	env.sim.Script(env.gatedAnswer(gate), env.gatedAnswer(gate))
	var requests []*pendingRequest
	for _, c := range []*chatClient{byID, byName} {
		c.addQuestion()
		requests = append(requests, p.startRequest(env.ctx, c.request()))
	}
	for _, w := range requests {
		<-w.firstText
	}
	p.kill()
	p.waitForExit()
	p = env.start()
	requests = nil
	for _, c := range []*chatClient{byID, byName} {
		requests = append(requests, p.startRequest(env.ctx, c.request()))
	}
	env.waitForRecordRequests(2)
	close(gate)
	for i, c := range []*chatClient{byID, byName} {
		last := c.lastReply
		r := c.receive(<-requests[i].done)
		if next := c.askNext(p); r.placement != "attached" || next.placement != "continued" || next.session != last.session {
			t.Errorf("session id %d, name %q: turns = %s, then %s; want attached, then continued in session %d",
				c.session, c.user, r, next, last.session)
		}
	}
	if n := len(env.sim.Turns()); n != 7 {
		t.Errorf("questions = %d, want 7", n)
	}
	env.checkTurns()
}
