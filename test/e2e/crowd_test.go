//go:build linux

package e2e

import (
	"fmt"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// The crowd tests are not parallel, because they load the whole machine.

const crowdTurns = 10

// Many clients, each with its own key, send the same texts at the same time. Each chat stays in a session of its own.
// The answers differ only in the number of the exchange.
func TestCrowdWithIdenticalTexts(t *testing.T) {
	const callers = 200
	env := newTestEnv(t, simulator.Options{Pace: time.Millisecond}, sqliteSetting(t), clientKeys(callers))
	env.useEcho()
	env.runCrowd([]*process{env.start()}, callers, 1)
}

// The same with two replicas and two chats for each key. Both chats have the same content, so each may continue in the
// session of the other.
func TestCrowdAtTwoReplicas(t *testing.T) {
	const callers = 25
	env, all := startReplicas(t, 2, simulator.Options{Pace: time.Millisecond}, clientKeys(callers))
	env.useEcho()
	env.runCrowd(all, callers, 2)
}

// useEcho makes the simulator answer with the text and the number of the exchange.
func (env *testEnv) useEcho() { env.sim.OnTurn(nil) }

// runCrowd runs this number of chats with the same texts for each caller, and checks the sessions.
func (env *testEnv) runCrowd(all []*process, callers, chats int) {
	env.t.Helper()
	sessions := make([]map[int64]bool, callers*chats)
	inParallel(callers*chats, func(i int) { sessions[i] = env.runCrowdChat(all, i, clientKey(i/chats)) })
	owner := map[int64]int{}
	for i, own := range sessions {
		if len(own) > chats {
			env.t.Errorf("sessions of chat %d = %v, want at most %d", i, own, chats)
		}
		for id := range own {
			if first, ok := owner[id]; ok && first != i/chats {
				env.t.Errorf("session %d answered callers %d and %d, want one", id, first, i/chats)
			}
			owner[id] = i / chats
		}
	}
	if n := len(env.sim.Sessions()); n != callers*chats || len(owner) != n {
		env.t.Errorf("sessions = %d, with answers = %d; want %d of both", n, len(owner), callers*chats)
	}
	for id := range owner {
		env.checkCrowdSession(id)
	}
	if n := len(env.sim.Turns()); n != callers*chats*crowdTurns {
		env.t.Errorf("questions = %d, want %d", n, callers*chats*crowdTurns)
	}
	for _, turn := range env.sim.Turns() {
		if turn.Overlapped {
			env.t.Errorf("session %d had two turns at the same time, want one", turn.SessionID)
		}
	}
}

func crowdQuestion(turn int) string         { return fmt.Sprintf("and then, %d?", turn) }
func crowdAnswer(turn int, q string) string { return fmt.Sprintf("answer %d to: %s", turn, q) }

// runCrowdChat runs one chat and returns its sessions.
func (env *testEnv) runCrowdChat(all []*process, i int, key string) map[int64]bool {
	sessions := map[int64]bool{}
	var transcript []message
	for turn := range crowdTurns {
		transcript = append(transcript, message{"user", crowdQuestion(turn + 1)})
		r := all[(i+turn)%len(all)].ask(env.ctx, request{
			key: key, Model: model, Messages: transcript, Stream: i%2 == 0,
		})
		want := "continued"
		if turn == 0 {
			want = "new"
		}
		if !r.isSuccess() || r.placement != want || r.text != crowdAnswer(turn+1, crowdQuestion(turn+1)) {
			env.t.Errorf("chat %d, turn %d: reply = %s, %.80q; want it %s", i, turn+1, r, r.text, want)
			return sessions
		}
		sessions[r.session] = true
		transcript = append(transcript, message{"assistant", r.text})
	}
	return sessions
}

// checkCrowdSession checks that a session has one complete chat.
func (env *testEnv) checkCrowdSession(id int64) {
	env.t.Helper()
	records := env.sim.Records(id)
	if len(records) != crowdTurns {
		env.t.Errorf("exchanges of session %d = %d, want %d", id, len(records), crowdTurns)
	}
	for i, r := range records {
		if q := crowdQuestion(i + 1); r.UserText != q || r.AIText != crowdAnswer(i+1, q) {
			env.t.Errorf("session %d, exchange %d = %q, %q; want question %q and its answer", id, i+1, r.UserText, r.AIText, q)
		}
	}
}
