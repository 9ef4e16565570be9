//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/simulator"
)

const (
	model      = "gpt-5.1-high"
	otherModel = "gemini-3-pro-preview"
)

// testEnv is a simulated platform and the settings of the processes in front of it.
type testEnv struct {
	t              testing.TB
	ctx            context.Context
	sim            *simulator.Simulator
	environ        []string // of each process
	lastMark       atomic.Int64
	processCount   atomic.Int64 // number of launched processes
	labelledOwners sync.Map     // owners of messages that were sent with a session id or a name
	gates          sync.Map     // by the mark of a question: a chan struct{} that its answer waits for
}

// newTestEnv starts a platform whose answers have marks. environ must set the database.
func newTestEnv(t testing.TB, o simulator.Options, environ ...string) *testEnv {
	t.Helper()
	env := &testEnv{t: t, ctx: testContext(t), sim: simulator.New(o)}
	platform := httptest.NewServer(env.sim)
	t.Cleanup(func() {
		env.sim.Close()
		platform.Close()
	})
	env.environ = append([]string{
		"ACHUAN_API_URL=" + platform.URL + "/api/chat/completions",
		"ACHUAN_LISTEN=127.0.0.1:0", "ACHUAN_LOG_LEVEL=debug",
	}, environ...)
	env.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return env.markedAnswer() })
	return env
}

// sqliteSetting returns the setting of a new SQLite file.
func sqliteSetting(t testing.TB) string {
	return "ACHUAN_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "achuan.db")
}

// start starts a process and waits until it serves.
func (env *testEnv) start() *process {
	env.t.Helper()
	return env.launch().waitUntilServing()
}

// launch starts a process. Each process has another token of the same account.
func (env *testEnv) launch() *process {
	env.t.Helper()
	lifetime := time.Hour + time.Duration(env.processCount.Add(1))*time.Second
	return launchProgram(env.t, simulator.NewToken(simulator.DefaultUser, time.Now(), lifetime), env.environ)
}

// newMark returns a mark that no other message has.
func (env *testEnv) newMark() string { return fmt.Sprintf("«%d»", env.lastMark.Add(1)) }

// markedAnswer returns an answer of several frames with a new mark.
func (env *testEnv) markedAnswer() *simulator.Reply {
	return &simulator.Reply{Deltas: []string{"an ", "answer ", "with ", env.newMark(), " in it"}}
}

// slowAnswer returns an answer that takes from a few milliseconds to longer than the start of a process.
func (env *testEnv) slowAnswer() *simulator.Reply {
	r := env.markedAnswer()
	delays := []time.Duration{time.Millisecond, time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond}
	r.Delay = delays[rand.IntN(len(delays))]
	return r
}

// gatedAnswer returns an answer that sends a first text and waits for the gate before the rest.
func (env *testEnv) gatedAnswer(gate <-chan struct{}) simulator.Reply {
	return simulator.Stream(simulator.Deltas("begun "), simulator.Wait(gate), simulator.Deltas("ended "+env.newMark()),
		simulator.Object(), simulator.Done())
}

// waitFor waits for a condition on the simulator.
func (env *testEnv) waitFor(condition string, isTrue func() bool) {
	env.t.Helper()
	if err := env.sim.Await(env.ctx, isTrue); err != nil {
		env.t.Fatalf("wait for %s: %v; questions so far: %d", condition, err, len(env.sim.Turns()))
	}
}

// waitForInFlight waits until the platform has this number of answers in flight.
func (env *testEnv) waitForInFlight(n int) {
	env.t.Helper()
	env.waitFor(fmt.Sprintf("%d answers in flight", n), func() bool { return env.sim.InFlight() == n })
}

// callBefore calls f when the next request to a route arrives, before the platform processes it.
func (env *testEnv) callBefore(route simulator.Route, f func()) {
	env.sim.InterceptOnce(route, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		f()
		usual(w, r)
	})
}

// turnsOf returns the turns that asked this message.
func (env *testEnv) turnsOf(m message) []simulator.Turn {
	var found []simulator.Turn
	mark := marksIn(m.Content)[0]
	for _, turn := range env.sim.Turns() {
		if questionMark(turn) == mark {
			found = append(found, turn)
		}
	}
	return found
}
