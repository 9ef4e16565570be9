package house

import (
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of ours a package may import outside its tests.
// Rooms are listed from the inside out: data goes one way.
var arrows = map[string][]string{
	"internal/chat":         {},
	"internal/sse":          {},
	"internal/config":       {},
	"internal/telemetry":    {},
	"internal/platform":     {"internal/chat", "internal/sse", "internal/telemetry"},
	"internal/simulator":    {"internal/sse"},
	"internal/conversation": {"internal/chat", "internal/telemetry"},
	"internal/emulate":      {"internal/chat"},
	"internal/openai":       {"internal/chat"},
	"internal/access":       {"internal/chat", "internal/telemetry"},
	"internal/store":        {"internal/chat", "internal/conversation", "internal/access"},
	"internal/gateway":      {"internal/chat", "internal/conversation", "internal/emulate", "internal/access", "internal/telemetry"},
	"internal/httpapi":      {"internal/chat", "internal/sse", "internal/telemetry", "internal/access", "internal/gateway", "internal/openai"},
	"internal/app": {
		"internal/access", "internal/chat", "internal/config", "internal/conversation", "internal/emulate", "internal/gateway",
		"internal/httpapi", "internal/openai", "internal/platform", "internal/simulator", "internal/sse", "internal/store", "internal/telemetry",
	},
	"internal/backup": {"internal/store"},
	"internal/doctor": {"internal/backup", "internal/chat", "internal/config", "internal/platform", "internal/store"},
	"deploy":          {},
	"internal/house":  {},
	"cmd/achuan":      {"internal/access", "internal/app", "internal/backup", "internal/config", "internal/doctor", "internal/store", "internal/telemetry"},
	"bench":           {"internal/simulator"},
	"bench/floor":     {},
	"test/e2e":        {},
}

func TestImportArrows(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := arrows[p.name()]
		if !known {
			t.Errorf("%s is no room of this house: say in arrows what it may import", p.name())
			continue
		}
		for _, path := range p.Imports {
			ours, inside := strings.CutPrefix(path, module+"/")
			if inside && !slices.Contains(allowed, ours) {
				t.Errorf("%s must not import %s", p.name(), ours)
			}
		}
	}
}

// The table itself has no way back to where it started.
func TestArrowsHaveNoCycle(t *testing.T) {
	var visit func(name string, path []string)
	visit = func(name string, path []string) {
		if slices.Contains(path, name) {
			t.Fatalf("cycle: %v, %s", path, name)
		}
		for _, next := range arrows[name] {
			if _, known := arrows[next]; !known {
				t.Errorf("%s may import %s, which is not in the table", name, next)
			}
			visit(next, append(slices.Clone(path), name))
		}
	}
	for name := range arrows {
		visit(name, nil)
	}
}
