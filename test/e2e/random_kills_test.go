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
	killRounds    = 30 // default of killsVariable
	// maxKillStep is the last step of a round at which the process is killed. A turn has about ten steps.
	maxKillStep = 150
)

// repeatKinds are the ways in which a client marks a repeated request after a crash.
var repeatKinds = []string{"unmarked", "marked", "by idempotency key"}

// addressKinds are the ways in which a client names its conversation.
var addressKinds = []string{"by transcript, streamed", "by transcript, whole", "by id", "by name"}

const killClients = 12 // one for each pair of addressKinds and repeatKinds

// killTrigger kills a process at one of its steps: the start or the end of a platform request, or the first text of
// an answer.
type killTrigger struct {
	stepsLeft atomic.Int64
	process   atomic.Pointer[process]
	mu        sync.Mutex
	kills     []time.Time
}

func (k *killTrigger) step() {
	if k.stepsLeft.Add(-1) == 0 {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.kills = append(k.kills, time.Now())
		k.process.Load().kill()
	}
}

// countRequests makes the start and the end of requests to these routes steps.
func (k *killTrigger) countRequests(env *testEnv, routes ...simulator.Route) {
	for _, route := range routes {
		env.sim.Intercept(route, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
			k.step()
			usual(w, r)
			k.step()
		})
	}
}

// The process crashes many times at random steps under load. After each crash, the clients repeat their open questions,
// each in its own way, and continue. The platform completes and stores each answer, so no question is asked twice.
func TestKilledAtRandom(t *testing.T) {
	t.Parallel()
	rounds := countFromEnv(t, killsVariable, killRounds)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed = %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	env := newTestEnv(t, simulator.Options{Pace: time.Millisecond}, sqliteSetting(t), clientKeys(killClients))
	env.ctx = longTestContext(t, rounds, 5*time.Second)
	env.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return env.slowAnswer() })
	var k killTrigger
	k.countRequests(env, simulator.RouteCreateSession, simulator.RouteUpdateSession,
		simulator.RouteCompletions, simulator.RouteRecords)
	crowd := make([]*crashClient, killClients)
	for i := range crowd {
		crowd[i] = newCrashClient(env, i)
	}
	for range rounds {
		p := env.start()
		k.process.Store(p)
		k.stepsLeft.Store(1 + dice.Int64N(maxKillStep))
		inParallel(len(crowd), func(i int) { crowd[i].askUntilCrash(p, &k) })
		p.waitForExit()
	}
	p := env.start()
	inParallel(len(crowd), func(i int) { crowd[i].finish(p) })
	env.waitForInFlight(0)
	env.checkTurns()
	env.checkRepeats(&k, crowd)
	if turns := len(env.sim.Turns()); turns < 4*rounds {
		t.Errorf("turns = %d in %d rounds, want at least %d", turns, rounds, 4*rounds)
	}
}

// checkRepeats checks that no question was asked again when the platform had its answer, and logs the number of cases.
// An exception is an unmarked repetition of a question whose answer was complete before the process was killed (again):
// the reply may have been complete at the server, so that it cannot distinguish the repetition from a request for
// another answer.
func (env *testEnv) checkRepeats(k *killTrigger, crowd []*crashClient) {
	env.t.Helper()
	kinds := map[string]string{} // kinds of the client of a question, by the mark of the question
	repeated, dropped := 0, 0
	for _, c := range crowd {
		repeated += c.repeated
		dropped += c.dropped
		for _, m := range c.questionMarks {
			kinds[m] = c.address + ", " + c.repeat
		}
	}
	first, running, twice, another := map[string]simulator.Turn{}, 0, 0, 0
	for _, turn := range env.sim.Turns() {
		if k.endedAfterKill(turn) {
			running++
		}
		q := questionMark(turn)
		earlier, isAgain := first[q]
		switch {
		case !isAgain:
			first[q] = turn
		case strings.HasSuffix(kinds[q], "unmarked") && k.killedBetween(earlier.Ended, turn.Started):
			another++
		case earlier.Answer != "":
			twice++
			env.t.Errorf("question %s (%s) was asked again in session %d, although session %d has its answer "+
				"(complete after the kill: %t)", q, kinds[q], turn.SessionID, earlier.SessionID, k.endedAfterKill(earlier))
		}
	}
	if running == 0 || repeated == 0 {
		env.t.Errorf("answers in flight at a kill = %d, repeated requests = %d; want some of both",
			running, repeated)
	}
	env.t.Logf("%d kills, %d questions, %d answers in flight at a kill, %d repeated requests, "+
		"%d questions asked twice, %d asked again without a mark after their complete answer, "+
		"%d that never reached the platform",
		len(k.kills), len(first), running, repeated, twice, another, dropped)
}

// endedAfterKill reports whether the process was killed between the question and the end of its answer.
func (k *killTrigger) endedAfterKill(turn simulator.Turn) bool {
	for _, at := range k.kills {
		if at.After(turn.Started) && at.Before(turn.Ended) {
			return true
		}
	}
	return false
}

// killedBetween reports whether the process was killed between two moments.
func (k *killTrigger) killedBetween(from, until time.Time) bool {
	return slices.ContainsFunc(k.kills, func(at time.Time) bool { return at.After(from) && at.Before(until) })
}

// crashClient is a client that continues after crashes. It repeats its open question with its own repeat mode.
type crashClient struct {
	chatClient
	address, repeat string // of addressKinds and repeatKinds
	hasOpenQuestion bool   // the last question has no answer yet
	questionMarks   []string
	repeated        int // number of repeated requests
	dropped         int // number of questions that never reached the platform
}

func newCrashClient(env *testEnv, i int) *crashClient {
	c := &crashClient{
		chatClient: chatClient{env: env, key: clientKey(i)},
		address:    addressKinds[i/len(repeatKinds)], repeat: repeatKinds[i%len(repeatKinds)],
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

// nextRequest returns the request for the open question, or else for a new one. SDKs mark only repeated requests. When
// the process was killed after it took the session and before it sent the question, the platform has no record, and a
// repetition would wait ten minutes for it. In this case the client asks another question.
func (c *crashClient) nextRequest() request {
	if c.hasOpenQuestion && !c.env.hasQuestion(c.questionMarks[len(c.questionMarks)-1]) {
		c.hasOpenQuestion = false
		c.dropped++
		c.transcript = c.transcript[:len(c.transcript)-1]
	}
	isRepeat := c.hasOpenQuestion
	if isRepeat {
		c.repeated++
	} else {
		c.questionMarks = append(c.questionMarks, marksIn(c.addQuestion().Content)...)
		c.hasOpenQuestion = true
	}
	q := c.request()
	if isRepeat || c.repeat != "marked" {
		repeatModes[c.repeat](q.header, c.transcript[len(c.transcript)-1])
	}
	return q
}

// hasQuestion reports whether the platform got a question with this mark.
func (env *testEnv) hasQuestion(mark string) bool {
	return slices.ContainsFunc(env.sim.Turns(), func(turn simulator.Turn) bool {
		return strings.Contains(turn.Text, mark)
	})
}

// tryQuestion asks the open question, or else the next one. It calls onText at the first text of the answer, and
// reports whether it got an answer.
func (c *crashClient) tryQuestion(p *process, onText func()) bool {
	w := p.startRequest(c.env.ctx, c.nextRequest())
	var listening sync.WaitGroup
	listening.Go(func() {
		select {
		case <-w.firstText:
			onText()
		case <-p.ended:
		case <-c.env.ctx.Done():
		}
	})
	r := <-w.done
	if !r.isSuccess() {
		if r.err == nil && r.code != "" {
			c.env.t.Errorf("%s, %s: reply = %s, want an answer or a broken connection", c.address, c.repeat, r)
		}
		return false
	}
	c.hasOpenQuestion = false
	if c.receive(r); c.address == "by id" && c.session == 0 {
		c.session = r.session
	}
	return true
}

// askUntilCrash asks questions until the process is killed.
func (c *crashClient) askUntilCrash(p *process, k *killTrigger) {
	for c.tryQuestion(p, k.step) {
		k.step()
	}
}

// finish asks the open question and one more. The second must continue the session of the first.
func (c *crashClient) finish(p *process) {
	if !c.tryQuestion(p, func() {}) {
		c.env.t.Errorf("%s: no answer after the last crash, want one", c.key)
		return
	}
	last := c.lastReply
	if r := c.askNext(p); r.placement != "continued" || r.session != last.session {
		c.env.t.Errorf("%s, %s: next turn = %s, want it continued after %s", c.address, c.repeat, r, last)
	}
}

func clientKey(i int) string { return fmt.Sprintf("sk-%d", i) }

// clientKeys returns the setting of n client keys.
func clientKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("client%d:%s", i, clientKey(i))
	}
	return "ACHUAN_API_KEYS=" + strings.Join(keys, ",")
}
