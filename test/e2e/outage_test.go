//go:build linux

package e2e

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// Without its database, achuan answers where that is safe, and refuses the other requests. When the database serves
// again, everything stored is available.
func TestDatabaseStops(t *testing.T) {
	t.Parallel()
	db := newPostgresServer(t)
	env := newTestEnv(t, simulator.Options{}, db.setting(), clientKeys(1))
	p := env.start()
	c, byID, byName := &chatClient{env: env, key: clientKey(0)}, &chatClient{env: env, key: clientKey(0)}, &chatClient{env: env, key: clientKey(0), user: "ada"}
	last := c.askNext(p)
	byID.session = byID.askNext(p).session
	byName.askNext(p)
	db.stop()

	for range 2 { // nothing stores the first turn
		if r := c.askNext(p); r.placement != "replayed" || r.session == last.session {
			t.Errorf("turn with the transcript = %s, want it replayed in another session than %s", r, last)
		}
	}
	if r := (&chatClient{env: env, key: clientKey(0)}).askNext(p); r.placement != "new" {
		t.Errorf("new chat = %s, want a new session", r)
	}
	attempts := len(env.sim.Attempts())
	keyed := request{
		key: clientKey(0), Model: model, Messages: []message{{"user", "hello"}},
		header: map[string]string{idempotencyKeyHeader: "one"},
	}
	for _, labelled := range []*chatClient{byID, byName} {
		labelled.addQuestion()
		env.checkUnavailable(p.ask(env.ctx, labelled.request()))
	}
	env.checkUnavailable(p.ask(env.ctx, keyed))
	status, code := p.callAPI(http.MethodGet, "/v1/sessions", clientKey(0), nil, nil)
	if status != http.StatusServiceUnavailable || code != "store_unavailable" {
		t.Errorf("GET /v1/sessions = HTTP %d %s, want HTTP 503 store_unavailable", status, code)
	}
	if n := len(env.sim.Attempts()) - attempts; n > 0 {
		t.Errorf("questions of refused requests = %d, want 0", n)
	}
	if status, store := p.readiness(); status != http.StatusOK || store == "ok" {
		t.Errorf("readyz = HTTP %d, store %s; want HTTP 200, a failure of the store", status, store)
	}
	p.waitForLog("the store is not available", 1)

	db.start()
	pollUntil(t, func() bool { _, store := p.readiness(); return store == "ok" })
	// Their open questions. The restarted server may have forgotten a turn that still runs, so for ten minutes
	// conversations continue in new sessions.
	for _, labelled := range []*chatClient{byID, byName} {
		r := labelled.receive(p.ask(env.ctx, labelled.request()))
		if next := labelled.askNext(p); r.placement != "replayed" || next.placement != "continued" || next.session != r.session {
			t.Errorf("session id %d, name %q: turns after the outage = %s, then %s; want replayed, then continued",
				labelled.session, labelled.user, r, next)
		}
	}
	again := c.askNext(p) // its session was not stored
	if r := c.askNext(p); again.placement != "replayed" || r.placement != "continued" || r.session != again.session {
		t.Errorf("turns after the outage = %s, then %s; want replayed, then continued", again, r)
	}
	env.checkTurns()
}

func (env *testEnv) checkUnavailable(r reply) {
	env.t.Helper()
	if r.status != http.StatusServiceUnavailable || r.code != "store_unavailable" {
		env.t.Errorf("reply without the database = %s, want HTTP 503 store_unavailable", r)
	}
}

// readiness returns the status of the readiness probe and its report about the store.
func (p *process) readiness() (status int, store string) {
	p.t.Helper()
	var health struct{ Checks map[string]string }
	status, _ = p.callAPI(http.MethodGet, "/readyz", "", nil, &health)
	return status, health.Checks["store"]
}

const (
	crashRounds       = 3  // default of crashesVariable
	steadyClients     = 8  // clients that continue one chat
	restlessClients   = 6  // clients that leave an answer and ask another question instead
	questionsPerRound = 30 // questions
)

// The database crashes and restarts several times while two replicas serve many clients. Requests with a transcript
// get answers all the time, and those with a session id or a name while the database serves. A crash loses the last
// commits, such as the taking of a session or a head. Still, no session has two turns at the same time, and no answer
// belongs to another conversation.
func TestDatabaseCrashesUnderLoad(t *testing.T) {
	t.Parallel()
	rounds := countFromEnv(t, crashesVariable, crashRounds)
	db := newPostgresServer(t, "wal_writer_delay=2s") // so that a crash loses commits
	keys := clientKeys(steadyClients + restlessClients)
	env := newTestEnv(t, simulator.Options{Pace: time.Millisecond}, db.setting(), keys)
	env.ctx = longTestContext(t, rounds, 30*time.Second)
	all := env.startProcesses(2)
	var crowd []*chatClient
	for i := range steadyClients + restlessClients {
		crowd = append(crowd, &chatClient{env: env, key: clientKey(i), stream: i%2 == 0 || i >= steadyClients})
	}
	crowd[0].user, crowd[1].user = "ada", "ada"
	for _, c := range crowd { // the store needs one turn of each client, because a crash may lose the last ones
		c.askNext(all[0])
	}
	crowd[2].session = crowd[2].lastReply.session
	db.flush()
	env.sim.OnTurn(env.gatedOrSlowAnswer)
	ctx, cancel := context.WithCancel(env.ctx)
	var load sync.WaitGroup
	for _, c := range crowd[:steadyClients] {
		load.Go(func() { c.keepAsking(ctx, all) })
	}
	lost := 0
	for range rounds {
		env.waitForQuestions(questionsPerRound)
		lost += env.crashDuringAnswers(db, crowd[steadyClients:], all)
	}
	env.waitForQuestions(questionsPerRound)
	cancel()
	load.Wait()
	env.waitForInFlight(0)
	for _, c := range crowd {
		last := c.askNext(all[0])
		if r := c.askNext(all[1]); r.placement != "continued" || r.session != last.session {
			t.Errorf("last turn = %s, want it continued after %s", r, last)
		}
	}
	env.waitForInFlight(0)
	env.checkTurns()
	t.Logf("database crashes = %d, forgotten takings = %d, questions = %d, sessions = %d", rounds, lost,
		len(env.sim.Turns()), env.sim.Calls(simulator.RouteCreateSession))
}

// crashDuringAnswers crashes the database while each client has an open answer. Then the clients ask another question
// instead at any replica, while the platform still answers the first one. It returns the number of takings that the
// database forgot.
func (env *testEnv) crashDuringAnswers(db *postgresServer, clients []*chatClient, all []*process) (lost int) {
	env.t.Helper()
	gate := make(chan struct{})
	requests := make([]*pendingRequest, len(clients))
	for i, c := range clients {
		env.gates.Store(marksIn(c.addQuestion().Content)[0], gate)
		requests[i] = all[i%len(all)].startRequest(env.ctx, c.request())
		<-requests[i].firstText
	}
	db.crash()
	db.start()
	for _, p := range all {
		pollUntil(env.t, func() bool { _, store := p.readiness(); return store == "ok" })
	}
	lost = len(clients) - db.countTakenSessions(clients)
	inParallel(len(clients), func(i int) {
		c := clients[i]
		if i%3 > 0 { // the others stay and read both answers
			requests[i].cancel()
			<-requests[i].done
		}
		other := *c
		other.transcript = slices.Clone(c.transcript[:len(c.transcript)-1])
		other.addQuestion()
		other.receive(all[(i/2)%len(all)].ask(env.ctx, other.request()))
		other.askNext(all[i%len(all)])
		if i%3 > 0 {
			c.transcript = other.transcript
		}
	})
	close(gate)
	for i, c := range clients {
		if i%3 == 0 {
			c.receive(<-requests[i].done)
		}
	}
	return lost
}

// countTakenSessions returns how many of the clients' last sessions are taken in the database.
func (db *postgresServer) countTakenSessions(clients []*chatClient) int {
	ids := make([]string, len(clients))
	for i, c := range clients {
		ids[i] = strconv.FormatInt(c.lastReply.session, 10)
	}
	return db.queryCount("SELECT COUNT(*) FROM achuan.sessions WHERE token IS NOT NULL AND id IN (" +
		strings.Join(ids, ",") + ")")
}

// gatedOrSlowAnswer returns a gated answer for a question in gates, and a slow answer for others.
func (env *testEnv) gatedOrSlowAnswer(turn simulator.Turn) *simulator.Reply {
	if gate, ok := env.gates.Load(questionMark(turn)); ok {
		r := env.gatedAnswer(gate.(chan struct{}))
		return &r
	}
	return env.slowAnswer()
}

// keepAsking asks questions until ctx ends. A request that needs the database may be refused, and is then repeated.
func (c *chatClient) keepAsking(ctx context.Context, all []*process) {
	c.env.t.Helper()
	for i := 0; ctx.Err() == nil && !c.env.t.Failed(); i++ {
		c.addQuestion()
		r := all[i%len(all)].ask(c.env.ctx, c.request())
		for ; (c.user != "" || c.session != 0) && r.code == "store_unavailable"; i++ {
			r = all[i%len(all)].ask(c.env.ctx, c.request())
		}
		c.receive(r)
	}
}

// waitForQuestions waits for n more questions.
func (env *testEnv) waitForQuestions(n int) {
	env.t.Helper()
	before := env.sim.Calls(simulator.RouteCompletions)
	env.waitFor("more questions", func() bool {
		return env.t.Failed() || env.sim.Calls(simulator.RouteCompletions) >= before+n
	})
}

// A database that crashes directly after a question may forget that the session is taken. The process of the turn knows
// it, and asks no other question in the session.
func TestDatabaseForgetsTaking(t *testing.T) {
	t.Parallel()
	// The server keeps commits in memory until their log fills a page, so that page has to be new, without whole pages
	// of tables in it.
	db := newPostgresServer(t, "wal_writer_delay=10s", "full_page_writes=off")
	env := newTestEnv(t, simulator.Options{}, db.setting())
	p := env.start()
	clients := []*chatClient{{env: env}, {env: env}, {env: env, user: "ada"}}
	for _, c := range clients {
		c.stream = true
		c.askNext(p)
	}
	clients[1].session = clients[1].lastReply.session
	db.flush()
	db.exec("SELECT pg_switch_wal()")
	gate := make(chan struct{})
	var requests []*pendingRequest
	for _, c := range clients {
		env.sim.Script(env.gatedAnswer(gate))
		c.addQuestion()
		w := p.startRequest(env.ctx, c.request())
		<-w.firstText
		requests = append(requests, w)
	}
	db.crash()
	db.start()
	pollUntil(t, func() bool { _, store := p.readiness(); return store == "ok" })
	if n := db.queryCount("SELECT COUNT(*) FROM achuan.sessions WHERE token IS NOT NULL"); n != 0 {
		t.Fatalf("takings in the database = %d, want 0", n)
	}

	// Another client with the transcript gets an answer at once. Those with the session id and the name wait.
	twin := &chatClient{env: env, transcript: slices.Clone(clients[0].transcript[:2])}
	if r := twin.askNext(p); r.session == clients[0].lastReply.session || r.placement != "replayed" && r.placement != "forked" {
		t.Errorf("turn with the transcript = %s, want it in another session than %s", r, clients[0].lastReply)
	}
	var next []*pendingRequest
	for _, c := range clients[1:] {
		after := *c
		after.addQuestion()
		next = append(next, p.startRequest(env.ctx, after.request()))
	}
	close(gate)
	for i, w := range requests {
		clients[i].receive(<-w.done)
	}
	for _, w := range next {
		if r := <-w.done; !r.isSuccess() {
			t.Errorf("turn after the wait = %s, want an answer", r)
		}
	}
	env.checkTurns()
}
