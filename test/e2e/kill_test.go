//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/simulator"
)

const (
	killRounds  = 50
	killParties = 8
	// killLatest is after how many of a round's steps the process is killed at the
	// latest: a turn has about ten.
	killLatest = 120
)

// trap kills a process at a step of what goes on: a request that the platform gets
// or has done, a text that a client hears.
type trap struct {
	left atomic.Int64
	p    atomic.Pointer[process]
}

func (k *trap) step() {
	if k.left.Add(-1) == 0 {
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

// Many crashes at random moments. After each, clients repeat what they were asking,
// each in its own way, and go on.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, simulator.Options{Pace: time.Millisecond}, file(t), clientKeys(killParties))
	var k trap
	k.watch(s, simulator.RouteCreateSession, simulator.RouteUpdateSession, simulator.RouteCompletions, simulator.RouteRecords)
	crowd := make([]*crasher, killParties)
	for i := range crowd {
		crowd[i] = newCrasher(s, i)
	}
	for range killRounds {
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
	if turns := len(s.sim.Turns()); turns < 4*killRounds {
		t.Errorf("only %d turns in %d rounds", turns, killRounds)
	}
}

// crasher is a client that goes on as well as it can. Its way to repeat is its own.
type crasher struct {
	party
	header func(map[string]string, message)
	open   bool // its last question has no answer yet
	byID   bool // from its first answer on
}

func newCrasher(s *site, i int) *crasher {
	names := []string{"unmarked", "marked", "by idempotency key"}
	c := &crasher{party: party{s: s, key: clientKey(i), stream: i%2 == 0}, header: repeats[names[i%len(names)]]}
	switch i {
	case killParties - 1:
		c.user = "ada"
	case killParties - 2:
		c.byID = true
	}
	return c
}

// try asks the open question, or the next. It reports whether there was an answer.
func (c *crasher) try(p *process, heard func()) bool {
	if !c.open {
		c.say()
		c.open = true
	}
	q := c.request()
	c.header(q.header, c.transcript[len(c.transcript)-1])
	w := p.begin(c.s.ctx, q)
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
			c.s.t.Errorf("an error and no crash: %s", r)
		}
		return false
	}
	c.open = false
	if c.hear(r); c.byID && c.session == 0 {
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
		c.s.t.Errorf("%s: %s, after %s", c.key, r, was)
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
