//go:build linux

package e2e

import (
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// Only one process can use a SQLite file. A second one ends at once with an explanation, and does not affect the first
// one.
func TestSecondProcessOnOneFile(t *testing.T) {
	t.Parallel()
	env := newTestEnv(t, simulator.Options{}, sqliteSetting(t))
	p, c := env.start(), &chatClient{env: env}
	first := c.askNext(p)
	second := env.launch()
	second.waitForExit()
	if code := second.command.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code of the second process = %d, want 1", code)
	}
	if log := second.logText(); !strings.Contains(log, "achuan.db") || !strings.Contains(log, "another achuan process uses it") {
		t.Errorf("log of the second process = %s\nwant the reason of its end", log)
	}
	if r := c.askNext(p); r.placement != "continued" || r.session != first.session {
		t.Errorf("next turn = %s, want it continued in session %d", r, first.session)
	}
	p.stop()
	if r := c.askNext(env.start()); r.placement != "continued" || r.session != first.session {
		t.Errorf("turn of a new process = %s, want it continued in session %d", r, first.session)
	}
	env.checkTurns()
}
