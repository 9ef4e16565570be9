//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/simulator"
)

const (
	killsVariable = "ACHUAN_E2E_KILLS"
	killRounds    = 30 // without killsVariable
	// killLatest is after how many of a round's steps the process is killed at the
	// latest: a turn has about ten.
	killLatest = 150
)

// repeatKinds are the ways in which a client sends the same again after a crash.
var repeatKinds = []string{"unmarked", "marked", "by idempotency key"}

// addressKinds are the ways in which a client reaches its conversation.
var addressKinds = []string{"by transcript, streamed", "by transcript, whole", "by id", "by name"}

const killParties = 12 // one of each kind of address and of repetition

// trap kills a process at a step of what goes on: a request that the platform gets
// or has done, a text that a client hears.
type trap struct {
	left  atomic.Int64
	p     atomic.Pointer[process]
	mu    sync.Mutex
	kills []time.Time
}

func (k *trap) step() {
	if k.left.Add(-1) == 0 {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.kills = append(k.kills, time.Now())
		k.p.Load().kill()
	}
}

// watch makes the requests of a route steps.
func (k *trap) watch(s *site, routes ...simulator.Route) {
	for _, route := range routes {
		s.sim.Intercept(route, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
			k.step()
			usual(w, r)
			k.step()
		})
	}
}

// Many crashes at random moments under load. After each, clients repeat what they lost,
// each in its own way, and go on. The platform finishes and keeps every answer that it
// has begun, so that no question is asked twice.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	rounds := countFrom(t, killsVariable, killRounds)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, simulator.Options{Pace: time.Millisecond}, file(t), clientKeys(killParties))
	s.ctx = boundedBy(t, rounds, 5*time.Second)
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return s.unhurried() })
	var k trap
	k.watch(s, simulator.RouteCreateSession, simulator.RouteUpdateSession,
		simulator.RouteCompletions, simulator.RouteRecords)
	crowd := make([]*crasher, killParties)
	for i := range crowd {
		crowd[i] = newCrasher(s, i)
	}
	for range rounds {
		p := s.start()
		k.p.Store(p)
		k.left.Store(1 + dice.Int64N(killLatest))
		together(len(crowd), func(i int) { crowd[i].until(p, &k) })
		p.gone()
	}
	p := s.start()
	together(len(crowd), func(i int) { crowd[i].finish(p) })
	s.inFlight(0)
	s.judgeTurns()
	s.judgeRepeats(&k, crowd)
	if turns := len(s.sim.Turns()); turns < 4*rounds {
		t.Errorf("only %d turns in %d rounds", turns, rounds)
	}
}

// judgeRepeats checks that no question was asked again of which the platform has the record, and logs what there was
// to judge. Without a mark or a key, the repetition of a question whose answer was whole before the kill is a wish for
// another answer: the server has no means to tell it from one.
func (s *site) judgeRepeats(k *trap, crowd []*crasher) {
	s.t.Helper()
	kinds := map[string]string{} // of a question's client, by its mark
	repeated, dropped := 0, 0
	for _, c := range crowd {
		repeated += c.repeated
		dropped += c.dropped
		for _, m := range c.said {
			kinds[m] = c.address + ", " + c.repeat
		}
	}
	first, running, twice, another := map[string]simulator.Turn{}, 0, 0, 0
	for _, turn := range s.sim.Turns() {
		if k.order(turn) == "after" {
			running++
		}
		q := question(turn)
		was, again := first[q]
		switch {
		case !again:
			first[q] = turn
		case strings.HasSuffix(kinds[q], "unmarked") && k.order(was) == "before":
			another++
		case was.Answer != "":
			twice++
			s.t.Errorf("%s (%s) was asked again in session %d; the platform has its answer in %d "+
				"(made %s its process was killed)", q, kinds[q], turn.SessionID, was.SessionID, k.order(was))
		}
	}
	if running == 0 || repeated == 0 {
		s.t.Errorf("%d answers under way when the process was killed, %d requests repeated; want some of both",
			running, repeated)
	}
	s.t.Logf("%d kills, %d questions, %d answers under way when the process was killed, %d requests repeated, "+
		"%d questions asked twice, %d repeated without a mark after their whole answer and asked again, "+
		"%d that never reached the platform",
		len(k.kills), len(first), running, repeated, twice, another, dropped)
}

// order tells whether an answer was whole before the kill that came next after its
// question.
func (k *trap) order(turn simulator.Turn) string {
	for _, at := range k.kills {
		if at.After(turn.Started) && at.Before(turn.Ended) {
			return "after"
		}
	}
	return "before"
}

// crasher is a client that goes on as well as it can. Its way to repeat is its own.
type crasher struct {
	party
	address, repeat string   // kinds
	open            bool     // its last question has no answer yet
	said            []string // marks of its questions
	repeated        int      // requests
	dropped         int      // questions that never reached the platform
}

func newCrasher(s *site, i int) *crasher {
	c := &crasher{
		party:   party{s: s, key: clientKey(i)},
		address: addressKinds[i/len(repeatKinds)], repeat: repeatKinds[i%len(repeatKinds)],
	}
	c.stream = i%2 == 0
	switch c.address {
	case "by transcript, streamed":
		c.stream = true
	case "by transcript, whole":
		c.stream = false
	case "by name":
		c.user = "ada"
	}
	return c
}

// ask returns the open question, or the next. An SDK marks only what it sends again. When the process was killed
// between taking the session and sending the question, the platform has nothing, and nothing shows that it gets
// nothing: a repetition waits ten minutes for the record. The client asks something else then.
func (c *crasher) ask() request {
	if c.open && !c.s.hasReached(c.said[len(c.said)-1]) {
		c.open = false
		c.dropped++
		c.transcript = c.transcript[:len(c.transcript)-1]
	}
	again := c.open
	if again {
		c.repeated++
	} else {
		c.said = append(c.said, marks(c.say().Content)...)
		c.open = true
	}
	q := c.request()
	if again || c.repeat != "marked" {
		repeats[c.repeat](q.header, c.transcript[len(c.transcript)-1])
	}
	return q
}

// hasReached reports whether the platform has a question with that mark.
func (s *site) hasReached(mark string) bool {
	return slices.ContainsFunc(s.sim.Turns(), func(turn simulator.Turn) bool { return strings.Contains(turn.Text, mark) })
}

// try asks the open question, or the next. It reports whether there was an answer.
func (c *crasher) try(p *process, heard func()) bool {
	w := p.begin(c.s.ctx, c.ask())
	var listening sync.WaitGroup
	listening.Go(func() {
		select {
		case <-w.heard:
			heard()
		case <-p.ended:
		case <-c.s.ctx.Done():
		}
	})
	r := <-w.done
	if !r.ok() {
		if r.err == nil && r.code != "" {
			c.s.t.Errorf("%s, %s: an error and no crash: %s", c.address, c.repeat, r)
		}
		return false
	}
	c.open = false
	if c.hear(r); c.address == "by id" && c.session == 0 {
		c.session = r.session
	}
	return true
}

// until goes on until the process is gone.
func (c *crasher) until(p *process, k *trap) {
	for c.try(p, k.step) {
		k.step()
	}
}

// finish gets the open question its answer, and another one, in one session.
func (c *crasher) finish(p *process) {
	if !c.try(p, func() {}) {
		c.s.t.Errorf("%s: no answer after the last crash", c.key)
		return
	}
	was := c.where
	if r := c.goOn(p); r.placement != "continued" || r.session != was.session {
		c.s.t.Errorf("%s, %s: %s, after %s", c.address, c.repeat, r, was)
	}
}

func clientKey(i int) string { return fmt.Sprintf("sk-%d", i) }

// clientKeys is the setting of n client keys.
func clientKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("client%d:%s", i, clientKey(i))
	}
	return "ACHUAN_API_KEYS=" + strings.Join(keys, ",")
}
