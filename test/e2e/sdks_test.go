//go:build linux && agents

package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// Official SDKs run several steps with calls, two of them at once, change a call, continue a transcript that was stored,
// abort an answer, and see the error of one that fails. The platform gets each question once, those of the
// conversation in one session.
func TestSDKSteps(t *testing.T) {
	for _, sdk := range []string{"chat", "responses", "anthropic", "genai", "ollama"} {
		t.Run(sdk, func(t *testing.T) {
			env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
			gate := make(chan struct{})
			env.sim.Script(
				simulator.Say("Two.\n"+toolCall("look", `{"n": 1}`)+"\n"+toolCall("look", `{"n": 2}`)),
				simulator.Say(toolCall("look", `{"n": 3}`)),
				simulator.Say("All done."), simulator.Say("Still here."),
				simulator.Stream(simulator.Deltas("It take"), simulator.Wait(gate), simulator.Deltas("s."), simulator.Object(), simulator.Done()),
				simulator.SayThenFail("Half of it ", "系统繁忙"),
			)
			p := env.start()
			out, err := exec.CommandContext(env.ctx, "node", "../agents/steps.mjs", sdk, p.url, model).CombinedOutput()
			close(gate)
			turns := env.sim.Turns()
			if err != nil || len(turns) != 6 {
				t.Fatalf("%v after %d questions, want no error after 6:\n%s", err, len(turns), out)
			}
			for i, turn := range turns[:5] {
				if turn.SessionID != turns[0].SessionID || len(turn.History) != i {
					t.Errorf("question %d is in session %d after %d exchanges, want session %d after %d", i, turn.SessionID, len(turn.History), turns[0].SessionID, i)
				}
			}
			if text := turns[1].Text; !strings.Contains(text, "result one") || strings.Index(text, "result one") > strings.Index(text, "result two") {
				t.Errorf("question 1 = %s, want both results in order", text)
			}
			if text := turns[2].Text; !strings.Contains(text, "result three") || sdk != "ollama" && !strings.Contains(text, "33") {
				t.Errorf("question 2 = %s, want the result and what was executed", text)
			}
		})
	}
}
