//go:build linux

package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// startReplicas starts n processes that share a PostgreSQL database.
func startReplicas(t *testing.T, n int, o simulator.Options, environ ...string) (*testEnv, []*process) {
	t.Helper()
	env := newTestEnv(t, o, append(environ, newDatabase(t).setting())...)
	return env, env.startProcesses(n)
}

// startProcesses starts n processes at the same time.
func (env *testEnv) startProcesses(n int) []*process {
	env.t.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = env.launch()
	}
	for _, p := range all {
		p.waitUntilServing()
	}
	return all
}

// Each turn of a conversation may go to another replica, with a transcript, a name or a session id.
func TestConversationChangesReplicas(t *testing.T) {
	t.Parallel()
	env, all := startReplicas(t, 3, simulator.Options{})
	for _, c := range []*chatClient{{env: env, stream: true}, {env: env, user: "ada"}} {
		first := c.askNext(all[0])
		for i := range 9 {
			if r := c.askNext(all[(i+1)%3]); r.placement != "continued" || r.session != first.session {
				t.Errorf("turn %d, name %q: reply = %s, want it continued in %d", i+2, c.user, r, first.session)
			}
		}
		c.session, c.user = first.session, ""
		for i := range 3 {
			if r := c.askNext(all[i]); r.placement != "continued" || r.session != first.session {
				t.Errorf("turn with the session id = %s, want it continued in %d", r, first.session)
			}
		}
	}
	env.checkTurns()
}

// When two replicas get the same continuation at the same time, only one of them continues the session.
func TestOneOfTwoContinues(t *testing.T) {
	t.Parallel()
	env, all := startReplicas(t, 2, simulator.Options{})
	for range 5 {
		c := &chatClient{env: env, stream: true}
		c.askNext(all[0])
		gate := make(chan struct{})
		env.sim.Script(env.gatedAnswer(gate), env.gatedAnswer(gate))
		twins := []*chatClient{c, {env: env, stream: true, transcript: slices.Clone(c.transcript)}}
		var requests []*pendingRequest
		for i, twin := range twins {
			twin.addQuestion()
			requests = append(requests, all[i].startRequest(env.ctx, twin.request()))
		}
		env.waitForInFlight(2)
		close(gate)
		var placed []string
		for i, w := range requests {
			placed = append(placed, twins[i].receive(<-w.done).placement)
		}
		if slices.Sort(placed); !slices.Equal(placed, []string{"continued", "forked"}) {
			t.Errorf("placements = %q, want one continued and one forked", placed)
		}
		for i, twin := range twins { // each continues its own session
			if r := twin.askNext(all[1-i]); r.placement != "continued" {
				t.Errorf("next turn = %s, want it continued", r)
			}
		}
	}
	env.checkTurns()
}

// Requests with the same session id or name at several replicas wait for one another. The first requests with a name
// use one session.
func TestReplicasTakeTurns(t *testing.T) {
	t.Parallel()
	const each = 4
	for _, name := range []string{"", "ada"} {
		t.Run("by name "+name, func(t *testing.T) {
			env, all := startReplicas(t, 2, simulator.Options{Pace: 2 * time.Millisecond})
			c := chatClient{env: env, user: name, key: ""}
			if name == "" {
				c.session = c.askNext(all[0]).session
			}
			got := make([]reply, 2*each)
			inParallel(len(got), func(i int) {
				mine := c // each client has only its own message
				mine.transcript = nil
				mine.addQuestion()
				got[i] = mine.receive(all[i%2].ask(env.ctx, mine.request()))
			})
			for _, r := range got {
				if r.session != got[0].session {
					t.Errorf("session = %d, want %d for all", r.session, got[0].session)
				}
			}
			if n := len(env.sim.Records(got[0].session)); n < len(got) || len(env.sim.Sessions()) != 1 {
				t.Errorf("exchanges = %d, sessions = %d; want at least %d, 1", n, len(env.sim.Sessions()), len(got))
			}
			env.checkTurns()
		})
	}
}

// A repeated request gets the answer of another replica.
func TestAttachAcrossReplicas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		leaves bool // the first client
		first  map[string]string
		second map[string]string
	}{
		{"by its key, beside the first client", false, map[string]string{idempotencyKeyHeader: "one"}, map[string]string{idempotencyKeyHeader: "one"}},
		{"marked, after the first client left", true, nil, map[string]string{retryCountHeader: "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := newDatabase(t)
			env := newTestEnv(t, simulator.Options{}, db.setting())
			all, c, gate := env.startProcesses(2), &chatClient{env: env, stream: true}, make(chan struct{})
			env.sim.Script(env.gatedAnswer(gate))
			question := c.addQuestion()
			q := c.request()
			q.header = tt.first
			first := all[0].startRequest(env.ctx, q)
			<-first.firstText
			if tt.leaves {
				first.cancel()
				<-first.done
				pollUntil(t, func() bool { return db.queryCount("SELECT COUNT(*) FROM turns WHERE parted") == 1 })
			}
			q.header = tt.second
			second := all[1].startRequest(env.ctx, q)
			all[1].waitForLog("attached to an answer", 1)
			close(gate)
			r := c.receive(<-second.done)
			if n := len(env.turnsOf(question)); r.placement != "attached" || n != 1 {
				t.Errorf("repetition = %s, asked %d times; want it attached, once", r, n)
			}
			if !tt.leaves {
				if got := <-first.done; !got.isSuccess() || got.text != r.text {
					t.Errorf("reply to the first client = %s %q, want the same answer %q", got, got.text, r.text)
				}
				q.Messages = []message{{"user", "another"}}
				if got := all[1].ask(env.ctx, q); got.status != http.StatusUnprocessableEntity || got.code != "idempotency_mismatch" {
					t.Errorf("another request with the key = %s, want HTTP 422 idempotency_mismatch", got)
				}
			}
			if again := c.askNext(all[1]); again.placement != "continued" || again.session != r.session {
				t.Errorf("next turn = %s, want it continued after %s", again, r)
			}
			env.checkTurns()
		})
	}
}

// pollUntil polls isTrue, for conditions whose change a test cannot observe.
func pollUntil(t testing.TB, isTrue func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(processTimeout)
	for !isTrue() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("condition is not true after %v", processTimeout)
		}
	}
}

// Each unused session is deleted, by only one replica.
func TestCleanupRunsOnce(t *testing.T) {
	t.Parallel()
	const chats = 30
	env, all := startReplicas(t, 3, simulator.Options{}, "ACHUAN_SESSION_RETENTION=1s")
	kept := &chatClient{env: env, user: "ada"}
	kept.askNext(all[0])
	inParallel(chats, func(i int) { (&chatClient{env: env}).askNext(all[i%3]) })
	env.waitFor("the cleanup", func() bool { return len(env.sim.Deleted()) == chats })
	for _, p := range all {
		p.stop()
	}
	if calls := env.sim.Calls(simulator.RouteDeleteSession); calls != chats {
		t.Errorf("deletion requests = %d, want %d", calls, chats)
	}
	if _, there := env.sim.Session(kept.lastReply.session); !there {
		t.Error("session with a name was deleted, want it kept")
	}
	env.checkTurns()
}
