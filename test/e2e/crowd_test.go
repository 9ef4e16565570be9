//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// A crowd has the machine to itself: its tests are not parallel.

const crowdTurns = 10

// A crowd says the same at once, each under a key of its own, and each keeps to a
// session of its own: only the exchanges' numbers tell the answers apart.
func TestCrowdWithIdenticalTexts(t *testing.T) {
	const callers = 200
	s := newSite(t, simulator.Options{Pace: time.Millisecond}, file(t), clientKeys(callers))
	s.echo()
	s.crowd([]*process{s.start()}, callers, 1)
}

// The same at two replicas, where every key has two such chats. What those hold is
// the same at every turn, so that either may go on in either session.
func TestCrowdAtTwoReplicas(t *testing.T) {
	const callers = 25
	s, all := replicas(t, 2, simulator.Options{Pace: time.Millisecond}, clientKeys(callers))
	s.echo()
	s.crowd(all, callers, 2)
}

// echo has the simulator answer with the text and the number of the exchange.
func (s *site) echo() { s.sim.OnTurn(nil) }

// crowd has every caller hold so many chats of the same words, and looks at what
// came of them.
func (s *site) crowd(all []*process, callers, chats int) {
	s.t.Helper()
	sessions := make([]map[int64]bool, callers*chats)
	together(callers*chats, func(i int) { sessions[i] = s.mumble(all, i, clientKey(i/chats)) })
	owner := map[int64]int{}
	for i, mine := range sessions {
		if len(mine) > chats {
			s.t.Errorf("chat %d was in the sessions %v", i, mine)
		}
		for id := range mine {
			if was, ok := owner[id]; ok && was != i/chats {
				s.t.Errorf("session %d answered the callers %d and %d", id, was, i/chats)
			}
			owner[id] = i / chats
		}
	}
	if n := len(s.sim.Sessions()); n != callers*chats || len(owner) != n {
		s.t.Errorf("%d sessions, %d of them seen, for %d chats", n, len(owner), callers*chats)
	}
	for id := range owner {
		s.wantMumbled(id)
	}
	if n := len(s.sim.Turns()); n != callers*chats*crowdTurns {
		s.t.Errorf("%d questions, want %d", n, callers*chats*crowdTurns)
	}
	for _, turn := range s.sim.Turns() {
		if turn.Overlapped {
			s.t.Errorf("two turns at once in session %d", turn.SessionID)
		}
	}
}

func mumbled(turn int) string            { return fmt.Sprintf("and then, %d?", turn) }
func answered(turn int, q string) string { return fmt.Sprintf("answer %d to: %s", turn, q) }

// mumble holds one chat, and returns the sessions that it was in.
func (s *site) mumble(all []*process, i int, key string) map[int64]bool {
	sessions := map[int64]bool{}
	var transcript []message
	for turn := range crowdTurns {
		transcript = append(transcript, message{"user", mumbled(turn + 1)})
		r := all[(i+turn)%len(all)].ask(s.ctx, request{key: key, Model: model, Messages: transcript, Stream: i%2 == 0})
		want := "continued"
		if turn == 0 {
			want = "new"
		}
		if !r.ok() || r.placement != want || r.text != answered(turn+1, mumbled(turn+1)) {
			s.t.Errorf("chat %d, turn %d: %s, %.80q", i, turn+1, r, r.text)
			return sessions
		}
		sessions[r.session] = true
		transcript = append(transcript, message{"assistant", r.text})
	}
	return sessions
}

// wantMumbled checks that a session holds one chat, whole.
func (s *site) wantMumbled(id int64) {
	s.t.Helper()
	records := s.sim.Records(id)
	if len(records) != crowdTurns {
		s.t.Errorf("session %d has %d exchanges", id, len(records))
	}
	for i, r := range records {
		if q := mumbled(i + 1); r.UserText != q || r.AIText != answered(i+1, q) {
			s.t.Errorf("session %d, exchange %d: %q, %q", id, i+1, r.UserText, r.AIText)
		}
	}
}
