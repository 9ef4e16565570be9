//go:build linux

package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// replicas starts n processes on one PostgreSQL.
func replicas(t *testing.T, n int, o simulator.Options, environ ...string) (*site, []*process) {
	t.Helper()
	s := newSite(t, o, append(environ, newDatabase(t).setting())...)
	return s, s.startAll(n)
}

// startAll starts n processes at once.
func (s *site) startAll(n int) []*process {
	s.t.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = s.launch()
	}
	for _, p := range all {
		p.serve()
	}
	return all
}

// A conversation may be at another replica on each turn, whichever way it is placed.
func TestConversationWanders(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 3, simulator.Options{})
	for _, c := range []*party{{s: s, stream: true}, {s: s, user: "ada"}} {
		first := c.goOn(all[0])
		for i := range 9 {
			if r := c.goOn(all[(i+1)%3]); r.placement != "continued" || r.session != first.session {
				t.Errorf("turn %d, by name %q: %s, began in %d", i+2, c.user, r, first.session)
			}
		}
		c.session, c.user = first.session, ""
		for i := range 3 {
			if r := c.goOn(all[i]); r.placement != "continued" || r.session != first.session {
				t.Errorf("by id: %s, began in %d", r, first.session)
			}
		}
	}
	s.judgeTurns()
}

// Of two replicas that get the same continuation at once, one continues.
func TestOneOfTwoContinues(t *testing.T) {
	t.Parallel()
	s, all := replicas(t, 2, simulator.Options{})
	for range 5 {
		c := &party{s: s, stream: true}
		c.goOn(all[0])
		gate := make(chan struct{})
		s.sim.Script(s.held(gate), s.held(gate))
		twins := []*party{c, {s: s, stream: true, transcript: slices.Clone(c.transcript)}}
		var begun []*pending
		for i, twin := range twins {
			twin.say()
			begun = append(begun, all[i].begin(s.ctx, twin.request()))
		}
		s.inFlight(2)
		close(gate)
		var placed []string
		for i, w := range begun {
			placed = append(placed, twins[i].hear(<-w.done).placement)
		}
		if slices.Sort(placed); !slices.Equal(placed, []string{"continued", "forked"}) {
			t.Errorf("placed %q", placed)
		}
		for i, twin := range twins { // each goes on in its own session
			if r := twin.goOn(all[1-i]); r.placement != "continued" {
				t.Errorf("afterwards: %s", r)
			}
		}
	}
	s.judgeTurns()
}

// Requests by id, or by name, at several replicas wait for one another. The first
// ones of a name meet in one session.
func TestReplicasTakeTurns(t *testing.T) {
	t.Parallel()
	const each = 4
	for _, name := range []string{"", "ada"} {
		t.Run("by name "+name, func(t *testing.T) {
			s, all := replicas(t, 2, simulator.Options{Pace: 2 * time.Millisecond})
			c := party{s: s, user: name, key: ""}
			if name == "" {
				c.session = c.goOn(all[0]).session
			}
			got := make([]reply, 2*each)
			together(len(got), func(i int) {
				mine := c // each client knows of its own message only
				mine.transcript = nil
				mine.say()
				got[i] = mine.hear(all[i%2].ask(s.ctx, mine.request()))
			})
			for _, r := range got {
				if r.session != got[0].session {
					t.Errorf("in session %d and in %d", got[0].session, r.session)
				}
			}
			if n := len(s.sim.Records(got[0].session)); n < len(got) || len(s.sim.Sessions()) != 1 {
				t.Errorf("%d exchanges, %d sessions", n, len(s.sim.Sessions()))
			}
			s.judgeTurns()
		})
	}
}

// A repeated request gets the answer that another replica is making.
func TestAttachAcrossReplicas(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		leaves bool
		first  map[string]string
		second map[string]string
	}{
		{"by its key, beside the first client", false, map[string]string{idempotencyKey: "one"}, map[string]string{idempotencyKey: "one"}},
		{"marked, after the first client left", true, nil, map[string]string{retryCount: "1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := newDatabase(t)
			s := newSite(t, simulator.Options{}, db.setting())
			all, c, gate := s.startAll(2), &party{s: s, stream: true}, make(chan struct{})
			s.sim.Script(s.held(gate))
			asked := c.say()
			q := c.request()
			q.header = tt.first
			first := all[0].begin(s.ctx, q)
			<-first.heard
			if tt.leaves {
				first.leave()
				<-first.done
				eventually(t, func() bool { return db.count("SELECT COUNT(*) FROM turns WHERE parted") == 1 })
			}
			q.header = tt.second
			second := all[1].begin(s.ctx, q)
			all[1].await("attached to an answer", 1)
			close(gate)
			r := c.hear(<-second.done)
			if n := len(s.asked(asked)); r.placement != "attached" || n != 1 {
				t.Errorf("%s, asked %d times", r, n)
			}
			if !tt.leaves {
				if got := <-first.done; !got.ok() || got.text != r.text {
					t.Errorf("the first client got %s %q", got, got.text)
				}
				q.Messages = []message{{"user", "another"}}
				if got := all[1].ask(s.ctx, q); got.status != http.StatusUnprocessableEntity || got.code != "idempotency_mismatch" {
					t.Errorf("another request with the key: %s", got)
				}
			}
			if again := c.goOn(all[1]); again.placement != "continued" || again.session != r.session {
				t.Errorf("afterwards: %s, after %s", again, r)
			}
			s.judgeTurns()
		})
	}
}

// eventually waits until something is so that only a question can tell.
func eventually(t testing.TB, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(mostTime)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it never came to be")
		}
	}
}

// Every session that nobody comes back to is deleted, by one replica.
func TestCleanUpIsDoneOnce(t *testing.T) {
	t.Parallel()
	const chats = 30
	s, all := replicas(t, 3, simulator.Options{}, "ACHUAN_SESSION_RETENTION=1s")
	kept := &party{s: s, user: "ada"}
	kept.goOn(all[0])
	together(chats, func(i int) { (&party{s: s}).goOn(all[i%3]) })
	s.await("clean-up", func() bool { return len(s.sim.Deleted()) == chats })
	for _, p := range all {
		p.stop() // with all that it had to do
	}
	if calls := s.sim.Calls(simulator.RouteDeleteSession); calls != chats {
		t.Errorf("%d deletions of %d sessions", calls, chats)
	}
	if _, there := s.sim.Session(kept.where.session); !there {
		t.Error("a session by name was deleted")
	}
	s.judgeTurns()
}
