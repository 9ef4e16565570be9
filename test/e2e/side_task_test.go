//go:build linux

package e2e

import (
	"slices"
	"testing"

	"achuan/internal/simulator"
)

// titleInstruction is the instruction with which a well-known agent asks for a title.
const titleInstruction = "You are a title generator. You output ONLY a thread title. Nothing else."

// An agent asks for a title during its first turn, with the same labels. The title does not affect the named session,
// and the session of the title is deleted.
func TestSideTaskDuringFirstTurn(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
	p, c := env.start(), &chatClient{env: env, user: "ada", stream: true}
	label := map[string]string{"X-Session-Id": "ses_2f1c9a"}
	gate := make(chan struct{})
	env.sim.OnTurn(func(simulator.Turn) *simulator.Reply { r := env.gatedAnswer(gate); return &r })
	first := c.addQuestion()
	q := c.request()
	q.header = label
	title := q
	title.Messages = []message{{"system", titleInstruction}, {"user", "Generate a title for this conversation:\n"}, first}
	requests := []*pendingRequest{p.startRequest(env.ctx, q), p.startRequest(env.ctx, title)}
	env.waitForInFlight(2) // no request waits for the other one
	close(gate)
	r := c.receive(<-requests[0].done)
	titleReply := <-requests[1].done
	if !titleReply.isSuccess() || titleReply.session == r.session {
		t.Errorf("title = %s, want an answer in another session than %s", titleReply, r)
	}
	env.waitFor("deletion of the title's session", func() bool {
		return slices.Equal(env.sim.Deleted(), []int64{titleReply.session})
	})
	for range 2 {
		if again := c.askNext(p); again.placement != "continued" || again.session != r.session {
			t.Errorf("next turn = %s, want it continued after %s", again, r)
		}
	}
	if n := len(env.sim.Records(r.session)); n != 3 {
		t.Errorf("exchanges of the named session = %d, want 3", n)
	}
	if deleted := env.sim.Deleted(); len(deleted) != 1 {
		t.Errorf("deleted sessions = %v, want one", deleted)
	}
}
