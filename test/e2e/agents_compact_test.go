//go:build linux && agents

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// A conversation that became too long for one text, because its session is lost, is made shorter by Claude Code itself:
// it reads both numbers of the error, asks for a summary, and then asks again.
func TestClaudeCodeCompacts(t *testing.T) {
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t), "ACHUAN_MAX_TEXT=130000")
	h, home, p := &agentHome{agent: agents[0], env: env, folder: t.TempDir()}, t.TempDir(), env.start()
	// This model reads no documents, so that a text which is too long is an error.
	h.environ = append(h.prepare(t, home, p.url), "PATH="+os.Getenv("PATH"), "HOME="+home, "ANTHROPIC_MODEL="+model)
	long := strings.Repeat("A long answer of many words. ", 2_000)
	h.answers(simulator.Say("1 "+long), simulator.Say("2 "+long), simulator.Say("A summary."), simulator.Say("Shorter now."))
	h.mustRun(t, h.ask("First?"), "1 A long")
	h.mustRun(t, h.resume("Second?"), "2 A long")
	for _, s := range env.sim.Sessions() {
		env.sim.Forget(s.ID)
	}
	h.mustRun(t, h.resume("Third?"), "Shorter now.")
	if n := strings.Count(p.logText(), "route=/v1/messages status=400"); n != 1 {
		t.Errorf("%d requests were too long, want 1", n)
	}
	turns := h.turns()
	if len(turns) != 4 || strings.Contains(turns[2].Text, "2 A long") || !strings.Contains(turns[3].Text, "A summary.") ||
		!strings.Contains(turns[3].Text, "Third?") {
		t.Errorf("turns = %s, want two, a summary, and the third question after it", h.describeTurns())
	}
}

// Codex makes a chat shorter when the usage that achuan reports reaches its limit: it asks for a summary in the session of
// the chat, and continues with that in a new one.
func TestCodexCompacts(t *testing.T) {
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
	h, home, p := &agentHome{agent: agents[1], env: env, folder: t.TempDir()}, t.TempDir(), env.start()
	h.environ = append(h.prepare(t, home, p.url), "PATH="+os.Getenv("PATH"), "HOME="+home)
	settings := filepath.Join(home, ".codex", "config.toml")
	content, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	writeSettings(t, settings, "model_auto_compact_token_limit = 20000\n"+string(content))
	env.sim.Script(
		simulator.Say("1 "+strings.Repeat("A long answer of many words. ", 3_000)), simulator.Say("A summary."), simulator.Say("Shorter now."),
	)
	h.mustRun(t, h.ask("First?"), "1 A long")
	h.mustRun(t, h.resume("Second?"), "Shorter now.")
	turns := env.sim.Turns()
	if len(turns) != 3 || turns[1].SessionID != turns[0].SessionID || len(turns[1].History) != 1 || turns[2].SessionID == turns[0].SessionID ||
		!strings.Contains(turns[2].Text, "A summary.") || !strings.Contains(turns[2].Text, "Second?") {
		t.Errorf("%d turns, want the chat, its summary in the same session, and the second question after it:%s", len(turns), h.describeTurns())
	}
}
