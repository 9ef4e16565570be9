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

// Without its database achuan goes on answering where that is safe, and says what it
// cannot do. When the database is back, so is all that was there.
func TestDatabaseStops(t *testing.T) {
	t.Parallel()
	db := newServer(t)
	s := newSite(t, simulator.Options{}, db.setting(), clientKeys(1))
	p := s.start()
	c, byID, byName := &party{s: s, key: clientKey(0)}, &party{s: s, key: clientKey(0)}, &party{s: s, key: clientKey(0), user: "ada"}
	was := c.goOn(p)
	byID.session = byID.goOn(p).session
	byName.goOn(p)
	db.stop()

	for range 2 { // the second time nothing knows of the first
		if r := c.goOn(p); r.placement != "replayed" || r.session == was.session {
			t.Errorf("by transcript: %s, after %s", r, was)
		}
	}
	if r := (&party{s: s, key: clientKey(0)}).goOn(p); r.placement != "new" {
		t.Errorf("a new chat: %s", r)
	}
	asked := len(s.sim.Attempts())
	keyed := request{key: clientKey(0), Model: model, Messages: []message{{"user", "hello"}}, header: map[string]string{idempotencyKey: "one"}}
	for _, named := range []*party{byID, byName} {
		named.say()
		s.wantUnavailable(p.ask(s.ctx, named.request()))
	}
	s.wantUnavailable(p.ask(s.ctx, keyed))
	if status, code := p.call(http.MethodGet, "/v1/sessions", clientKey(0), nil, nil); status != http.StatusServiceUnavailable || code != "store_unavailable" {
		t.Errorf("the sessions: %d %s", status, code)
	}
	if n := len(s.sim.Attempts()) - asked; n > 0 {
		t.Errorf("%d questions of requests that were refused", n)
	}
	if status, store := p.ready(); status != http.StatusOK || store == "ok" {
		t.Errorf("readyz: %d, store %s", status, store)
	}
	p.await("the store is not available", 1)

	db.start()
	eventually(t, func() bool { _, store := p.ready(); return store == "ok" })
	// Their open questions. The server was started anew, so that it may have forgotten a turn that still runs: for
	// ten minutes, conversations move into new sessions.
	for _, named := range []*party{byID, byName} {
		r := named.hear(p.ask(s.ctx, named.request()))
		if next := named.goOn(p); r.placement != "replayed" || next.placement != "continued" || next.session != r.session {
			t.Errorf("afterwards, by id %d, by name %q: %s, then %s, want replayed, then continued in the same session",
				named.session, named.user, r, next)
		}
	}
	again := c.goOn(p) // nobody could note where it was
	if r := c.goOn(p); again.placement != "replayed" || r.placement != "continued" || r.session != again.session {
		t.Errorf("afterwards: %s, then %s", again, r)
	}
	s.judgeTurns()
}

func (s *site) wantUnavailable(r reply) {
	s.t.Helper()
	if r.status != http.StatusServiceUnavailable || r.code != "store_unavailable" {
		s.t.Errorf("without a store: %s", r)
	}
}

// ready is the status of the readiness probe, and what it says of the store.
func (p *process) ready() (status int, store string) {
	p.t.Helper()
	var health struct{ Checks map[string]string }
	status, _ = p.call(http.MethodGet, "/readyz", "", nil, &health)
	return status, health.Checks["store"]
}

const (
	crashRounds   = 3  // without crashesVariable
	crashCrowd    = 8  // clients that go on with one chat
	restless      = 6  // clients that leave an answer and ask something else instead
	betweenEvents = 30 // questions
)

// The database crashes and comes back, again and again, while two replicas serve a
// crowd. Answers by transcript go on all the time; those by id and name, when it is
// there. What a crash takes back of the last commits (a taking, a head) leads neither
// to two turns at once in a session nor to an answer on another conversation.
func TestDatabaseCrashesUnderLoad(t *testing.T) {
	t.Parallel()
	rounds := countFrom(t, crashesVariable, crashRounds)
	db := newServer(t, "wal_writer_delay=2s") // so that a crash takes commits back
	s := newSite(t, simulator.Options{Pace: time.Millisecond}, db.setting(), clientKeys(crashCrowd+restless))
	s.ctx = boundedBy(t, rounds, 30*time.Second)
	all := s.startAll(2)
	var crowd []*party
	for i := range crashCrowd + restless {
		crowd = append(crowd, &party{s: s, key: clientKey(i), stream: i%2 == 0 || i >= crashCrowd})
	}
	crowd[0].user, crowd[1].user = "ada", "ada"
	for _, c := range crowd { // they need to be known once: the last moments may be lost
		c.goOn(all[0])
	}
	crowd[2].session = crowd[2].where.session
	db.flush()
	s.sim.OnTurn(s.heldOrUnhurried)
	ctx, enough := context.WithCancel(s.ctx)
	var load sync.WaitGroup
	for _, c := range crowd[:crashCrowd] {
		load.Go(func() { c.chat(ctx, all) })
	}
	lost := 0
	for range rounds {
		s.more(betweenEvents)
		lost += s.crashWithin(db, crowd[crashCrowd:], all)
	}
	s.more(betweenEvents)
	enough()
	load.Wait()
	s.inFlight(0)
	for _, c := range crowd {
		was := c.goOn(all[0])
		if r := c.goOn(all[1]); r.placement != "continued" || r.session != was.session {
			t.Errorf("afterwards: %s, after %s", r, was)
		}
	}
	s.inFlight(0)
	s.judgeTurns()
	t.Logf("%d crashes of the database, which forgot %d takings; %d questions in %d sessions", rounds, lost,
		len(s.sim.Turns()), s.sim.Calls(simulator.RouteCreateSession))
}

// crashWithin has the database crash while each client has an answer under way. The
// clients leave, and ask another question in the place of theirs, at any replica: the
// platform still answers the first one. It returns how many takings the database forgot.
func (s *site) crashWithin(db *server, clients []*party, all []*process) (lost int) {
	s.t.Helper()
	gate := make(chan struct{})
	begun := make([]*pending, len(clients))
	for i, c := range clients {
		s.gates.Store(marks(c.say().Content)[0], gate)
		begun[i] = all[i%len(all)].begin(s.ctx, c.request())
		<-begun[i].heard
	}
	db.crash()
	db.start()
	for _, p := range all {
		eventually(s.t, func() bool { _, store := p.ready(); return store == "ok" })
	}
	lost = len(clients) - db.countTaken(clients)
	together(len(clients), func(i int) {
		c := clients[i]
		if i%3 > 0 { // the others stay, and hear both
			begun[i].leave()
			<-begun[i].done
		}
		other := *c
		other.transcript = slices.Clone(c.transcript[:len(c.transcript)-1])
		other.say()
		other.hear(all[(i/2)%len(all)].ask(s.ctx, other.request()))
		other.goOn(all[i%len(all)])
		if i%3 > 0 {
			c.transcript = other.transcript
		}
	})
	close(gate)
	for i, c := range clients {
		if i%3 == 0 {
			c.hear(<-begun[i].done)
		}
	}
	return lost
}

// countTaken counts the sessions, among those where the clients were answered last, that
// the database knows as taken.
func (db *server) countTaken(clients []*party) int {
	ids := make([]string, len(clients))
	for i, c := range clients {
		ids[i] = strconv.FormatInt(c.where.session, 10)
	}
	return db.count("SELECT COUNT(*) FROM achuan.sessions WHERE token IS NOT NULL AND id IN (" + strings.Join(ids, ",") + ")")
}

// heldOrUnhurried holds the answers to the questions in s.gates until their gate opens.
func (s *site) heldOrUnhurried(turn simulator.Turn) *simulator.Reply {
	if gate, ok := s.gates.Load(question(turn)); ok {
		r := s.held(gate.(chan struct{}))
		return &r
	}
	return s.unhurried()
}

// chat goes on until it is enough. Only a request that cannot be answered without the
// database is refused, and is then asked again.
func (c *party) chat(ctx context.Context, all []*process) {
	c.s.t.Helper()
	for i := 0; ctx.Err() == nil && !c.s.t.Failed(); i++ {
		c.say()
		r := all[i%len(all)].ask(c.s.ctx, c.request())
		for ; (c.user != "" || c.session != 0) && r.code == "store_unavailable"; i++ {
			r = all[i%len(all)].ask(c.s.ctx, c.request())
		}
		c.hear(r)
	}
}

// more waits for so many questions more.
func (s *site) more(n int) {
	s.t.Helper()
	was := s.sim.Calls(simulator.RouteCompletions)
	s.await("more questions", func() bool { return s.t.Failed() || s.sim.Calls(simulator.RouteCompletions) >= was+n })
}

// A database that crashes right after a question was asked may not know that its
// session was taken. The process that asks does, and asks nothing beside it.
func TestDatabaseForgetsATaking(t *testing.T) {
	t.Parallel()
	db := newServer(t, "wal_writer_delay=10s") // what is not flushed stays in memory for so long
	s := newSite(t, simulator.Options{}, db.setting())
	p := s.start()
	parties := []*party{{s: s}, {s: s}, {s: s, user: "ada"}}
	for _, c := range parties {
		c.stream = true
		c.goOn(p)
	}
	parties[1].session = parties[1].where.session
	db.flush()
	gate := make(chan struct{})
	var begun []*pending
	for _, c := range parties {
		s.sim.Script(s.held(gate))
		c.say()
		w := p.begin(s.ctx, c.request())
		<-w.heard
		begun = append(begun, w)
	}
	db.crash()
	db.start()
	eventually(t, func() bool { _, store := p.ready(); return store == "ok" })
	if n := db.count("SELECT COUNT(*) FROM achuan.sessions WHERE token IS NOT NULL"); n != 0 {
		t.Fatalf("the server remembers %d takings", n)
	}

	// By transcript another client goes on at once; by id and by name they wait.
	twin := &party{s: s, transcript: slices.Clone(parties[0].transcript[:2])}
	if r := twin.goOn(p); r.session == parties[0].where.session || r.placement != "replayed" && r.placement != "forked" {
		t.Errorf("by transcript: %s, beside %s", r, parties[0].where)
	}
	var next []*pending
	for _, c := range parties[1:] {
		after := *c
		after.say()
		next = append(next, p.begin(s.ctx, after.request()))
	}
	close(gate)
	for i, w := range begun {
		parties[i].hear(<-w.done)
	}
	for _, w := range next {
		if r := <-w.done; !r.ok() {
			t.Errorf("after the wait: %s", r)
		}
	}
	s.judgeTurns()
}
