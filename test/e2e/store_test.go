//go:build linux

package e2e

import (
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// A file has one process. A second one ends at once and says why; the first one does
// not notice.
func TestSecondProcessOnAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t, simulator.Options{}, file(t))
	p, c := s.start(), &party{s: s}
	first := c.goOn(p)
	second := s.launch()
	second.gone()
	if code := second.command.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if said := second.said(); !strings.Contains(said, "achuan.db") || !strings.Contains(said, "another achuan process uses it") {
		t.Errorf("it does not say why it ended:\n%s", said)
	}
	if r := c.goOn(p); r.placement != "continued" || r.session != first.session {
		t.Errorf("afterwards: %s", r)
	}
	p.stop()
	if r := c.goOn(s.start()); r.placement != "continued" || r.session != first.session {
		t.Errorf("after the first has ended: %s", r)
	}
	s.judgeTurns()
}
