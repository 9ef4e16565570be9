//go:build linux

package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"achuan/internal/simulator"
)

// leasesExpired is the log text of a replica that finds expired leases of another one.
const leasesExpired = "leases expired"

// openTurns holds four clients with a history, each in the middle of a turn: one sends the transcript, one the session
// id, one a name, and one the transcript with an idempotency key.
type openTurns struct {
	env           *testEnv
	clients       []*chatClient
	firstSessions []int64 // the first session of each client
	requests      []*pendingRequest
	gate          chan struct{}
}

// startOpenTurns starts the second turn of each client at p.
func (env *testEnv) startOpenTurns(p *process) *openTurns {
	env.t.Helper()
	x := &openTurns{env: env, gate: make(chan struct{})}
	for _, c := range []*chatClient{{env: env}, {env: env}, {env: env, user: "ada"}, {env: env}} {
		c.stream = true
		x.clients = append(x.clients, c)
		x.firstSessions = append(x.firstSessions, c.askNext(p).session)
	}
	x.clients[1].session = x.firstSessions[1]
	for i, c := range x.clients {
		env.sim.Script(env.gatedAnswer(x.gate))
		c.addQuestion()
		w := p.startRequest(env.ctx, x.request(i))
		x.requests = append(x.requests, w)
		<-w.firstText
	}
	return x
}

// request returns the request for the open question of a client.
func (x *openTurns) request(i int) request {
	q := x.clients[i].request()
	if i == len(x.clients)-1 {
		q.header[idempotencyKeyHeader] = "one"
	}
	return q
}

// repeatQuestions repeats the questions of the clients at the first of the other replicas after the leases of the lost
// replica have expired. The platform has the answers, so no question is asked again.
func (x *openTurns) repeatQuestions(others ...*process) {
	x.env.t.Helper()
	pollUntil(x.env.t, func() bool {
		return slices.ContainsFunc(others, func(p *process) bool {
			return strings.Contains(p.logText(), leasesExpired)
		})
	})
	got := make([]reply, len(x.clients))
	inParallel(len(x.clients), func(i int) { got[i] = x.clients[i].receive(others[0].ask(x.env.ctx, x.request(i))) })
	for i, c := range x.clients {
		if got[i].session != x.firstSessions[i] || got[i].placement != "attached" {
			x.env.t.Errorf("client %d: repetition = %s, want it attached in %d", i, got[i], x.firstSessions[i])
		}
		if n := len(x.env.turnsOf(c.transcript[2])); n != 1 {
			x.env.t.Errorf("client %d: question was asked %d times, want once", i, n)
		}
	}
}

// continueChats asks the next question of each client at each replica. Each must continue its session.
func (x *openTurns) continueChats(all ...*process) {
	x.env.t.Helper()
	for i, c := range x.clients {
		for _, p := range all {
			last := c.lastReply
			if r := c.askNext(p); r.placement != "continued" || r.session != last.session {
				x.env.t.Errorf("client %d: next turn = %s, want it continued after %s", i, r, last)
			}
		}
	}
}

// Other replicas continue the conversations of a killed replica, with the answers that the platform has.
func TestReplicaIsKilled(t *testing.T) {
	t.Parallel()
	env, all := startReplicas(t, 3, simulator.Options{})
	x := env.startOpenTurns(all[0])
	all[0].kill()
	all[0].waitForExit()
	close(x.gate) // the platform continues its answers
	x.repeatQuestions(all[1], all[2])
	env.waitForInFlight(0)
	x.continueChats(all[2], all[1])
	env.checkTurns()
}

// A replica is paused for longer than its leases, and other replicas continue its conversations. When it continues, it
// sends what it has of its answers, and changes nothing.
func TestReplicaIsPaused(t *testing.T) {
	t.Parallel()
	env, all := startReplicas(t, 3, simulator.Options{})
	x := env.startOpenTurns(all[0])
	all[0].pause()
	close(x.gate)
	x.repeatQuestions(all[1], all[2])
	env.waitForInFlight(0)
	x.continueChats(all[2])
	all[0].signal(syscall.SIGCONT)
	for i, w := range x.requests {
		if r := <-w.done; r.isSuccess() && r.session != x.firstSessions[i] {
			t.Errorf("client %d: reply of the paused replica = %s, want an answer of session %d or an error", i, r, x.firstSessions[i])
		}
	}
	x.continueChats(all...) // the paused replica serves again
	env.checkTurns()
}

// A replica that is paused after the placement of a question and before the question does not ask it.
func TestReplicaIsPausedBeforeQuestion(t *testing.T) {
	t.Parallel()
	env, all := startReplicas(t, 2, simulator.Options{})
	c := &chatClient{env: env, stream: true}
	first := c.askNext(all[0])
	question := c.addQuestion()
	q := c.request()
	q.Temperature = new(0.7)
	env.callBefore(simulator.RouteUpdateSession, all[0].pause)
	w := all[0].startRequest(env.ctx, q)
	all[1].waitForLog(leasesExpired, 1)
	r := c.receive(all[1].ask(env.ctx, q))
	if r.placement != "forked" || r.session == first.session {
		t.Errorf("repetition = %s, want it forked after %s", r, first)
	}
	all[0].signal(syscall.SIGCONT)
	if got := <-w.done; got.isSuccess() || got.code != "store_unavailable" {
		t.Errorf("reply of the paused replica = %s, want store_unavailable", got)
	}
	if turns := env.turnsOf(question); len(turns) != 1 || turns[0].SessionID != r.session {
		t.Errorf("question was asked %d times, want once in session %d", len(turns), r.session)
	}
	if again := c.askNext(all[0]); again.placement != "continued" || again.session != r.session {
		t.Errorf("next turn = %s, want it continued after %s", again, r)
	}
	env.checkTurns()
}
