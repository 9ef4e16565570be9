package repository

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promised are the targets of the Makefile that people and scripts rely on.
var promised = []string{
	"build", "demo", "dev", "test", "check", "bench", "fuzz", "lint", "fmt", "tidy-check", "release", "release-check",
	"release-notes", "version", "soak",
}

var (
	target    = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	mentioned = regexp.MustCompile("(?m)(?:`|^\\s*(?:\\$ |- run: )?|&& |\\$\\()make (?:-s )?([a-z][a-z0-9-]*)")
)

// Each make command in a page, a script or a workflow exists.
func TestMakeTargetsExist(t *testing.T) {
	targets := map[string]bool{}
	for _, match := range target.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets[match[1]] = true
	}
	for _, name := range promised {
		if !targets[name] {
			t.Errorf("Makefile has no target %q, want one", name)
		}
	}
	for _, page := range slices.Concat(find(t, ".md"), find(t, ".yml"), []string{".ci/run"}) {
		for _, match := range mentioned.FindAllStringSubmatch(read(t, page), -1) {
			if !targets[match[1]] {
				t.Errorf("%s names `make %s`, want a target of the Makefile", page, match[1])
			}
		}
	}
}

// CI runs the same checks as a developer.
func TestCIRunsTheGate(t *testing.T) {
	ci := read(t, ".ci/run")
	if !regexp.MustCompile(`(?m)^make check$`).MatchString(ci) {
		t.Errorf(".ci/run = %s\nwant make check in it", ci)
	}
	if !strings.Contains(ci, "set -euo pipefail") {
		t.Errorf(".ci/run = %s\nwant set -euo pipefail in it", ci)
	}
}
