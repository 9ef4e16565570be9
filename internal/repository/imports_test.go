package repository

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// arrows lists the packages of this module that each package imports outside of its tests. The table goes from the
// packages that import nothing of ours to those that build everything, because data flows one way.
var arrows = map[string][]string{
	"internal/chat":         {},
	"internal/sse":          {},
	"internal/config":       {},
	"internal/golden":       {},
	"internal/lazyregexp":   {},
	"internal/inflight":     {},
	"internal/pipenet":      {},
	"internal/tokens":       {},
	"internal/telemetry":    {},
	"internal/postgrestest": {},
	"internal/platform":     {"internal/chat", "internal/jsonval", "internal/sse", "internal/telemetry"},
	"internal/simulator":    {"internal/lazyregexp", "internal/sse"},
	"internal/conversation": {"internal/chat", "internal/inflight", "internal/telemetry"},
	"internal/emulate":      {"internal/chat", "internal/jsonval", "internal/lazyregexp"},
	"internal/jsonval":      {"internal/chat"},
	"internal/dialect":      {"internal/chat", "internal/jsonval"},
	"internal/openai":       {"internal/chat", "internal/dialect", "internal/jsonval"},
	"internal/anthropic":    {"internal/chat", "internal/dialect", "internal/jsonval"},
	"internal/ollama":       {"internal/chat", "internal/dialect", "internal/jsonval", "internal/openai"},
	"internal/gemini":       {"internal/chat", "internal/dialect", "internal/jsonval"},
	"internal/responses":    {"internal/chat", "internal/dialect", "internal/jsonval", "internal/openai"},
	"internal/access":       {"internal/chat"},
	"internal/media":        {"internal/chat", "internal/lazyregexp", "internal/telemetry"},
	"internal/store":        {"internal/chat", "internal/conversation", "internal/media"},
	"internal/gateway": {
		"internal/chat", "internal/conversation", "internal/emulate", "internal/media", "internal/telemetry",
		"internal/tokens",
	},
	"internal/httpapi": {
		"internal/access", "internal/anthropic", "internal/chat", "internal/dialect", "internal/gateway", "internal/gemini",
		"internal/inflight",
		"internal/jsonval", "internal/ollama", "internal/openai", "internal/responses", "internal/telemetry",
	},
	"internal/simulator/demo": {"internal/lazyregexp", "internal/simulator"},
	"internal/app": {
		"internal/access", "internal/chat", "internal/config", "internal/conversation", "internal/gateway",
		"internal/httpapi", "internal/media", "internal/platform", "internal/simulator", "internal/simulator/demo", "internal/store",
		"internal/telemetry",
	},
	"internal/backup": {"internal/chat", "internal/media", "internal/store"},
	"internal/doctor": {
		"internal/backup", "internal/chat", "internal/config", "internal/media", "internal/platform", "internal/store",
	},
	"deploy":              {},
	"internal/repository": {},
	"cmd/achuan": {
		"internal/access", "internal/app", "internal/backup", "internal/config", "internal/doctor", "internal/media",
		"internal/store",
		"internal/telemetry",
	},
	"bench":       {"internal/simulator"},
	"bench/floor": {},
	"bench/toollists": {
		"internal/anthropic", "internal/chat", "internal/dialect", "internal/emulate", "internal/gemini", "internal/openai",
		"internal/responses", "internal/tokens",
	},
	"test/e2e": {},
}

func TestImportArrows(t *testing.T) {
	found := map[string]bool{}
	for _, p := range packages(t) {
		allowed, isListed := arrows[p.name()]
		if !isListed {
			t.Errorf("table of arrows has no package %s, want it", p.name())
			continue
		}
		found[p.name()] = true
		for _, imported := range p.imports() {
			if !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s, want only imports that the table of arrows allows", p.name(), imported)
			}
		}
		for _, arrow := range allowed {
			if !slices.Contains(p.imports(), arrow) {
				t.Errorf("%s does not import %s, want it, because the table of arrows has it", p.name(), arrow)
			}
		}
	}
	for name := range arrows {
		if !found[name] {
			t.Errorf("table of arrows has package %s, want only packages that exist", name)
		}
	}
}

// pictureArrow is an arrow of the picture of packages. A package has the last element of its path as its name there.
var pictureArrow = regexp.MustCompile(`(?m)^  (\w+)(?:\[[\w/]+\])? --> (\w+)$`)

// notPictured are the packages that the picture leaves out, because many packages import them.
var notPictured = []string{"config", "lazyregexp", "telemetry"}

// The picture of packages in the architecture shows each import, as an arrow or as a path of arrows, and no others.
func TestPictureShowsTheArrows(t *testing.T) {
	picture := map[string][]string{}
	for _, match := range pictureArrow.FindAllStringSubmatch(read(t, "docs/architecture.md"), -1) {
		picture[match[1]] = append(picture[match[1]], pictureName(match[2]))
	}
	imports := map[string][]string{}
	for name, imported := range arrows {
		for _, i := range imported {
			imports[pictureName(name)] = append(imports[pictureName(name)], pictureName(i))
		}
	}
	for from, targets := range picture {
		for _, to := range targets {
			if !slices.Contains(imports[from], to) {
				t.Errorf("the picture has the arrow %s --> %s, and there is no such import", from, to)
			}
		}
	}
	for from, targets := range imports {
		for _, to := range targets {
			if !slices.Contains(notPictured, to) && !isReachable(picture, from, to) {
				t.Errorf("%s imports %s, and the picture does not show it", from, to)
			}
		}
	}
}

// pictureName returns the name of a package in the picture.
func pictureName(name string) string {
	if name == "cmd/achuan" {
		return "cmd"
	}
	return path.Base(name)
}

// isReachable reports whether arrows lead from one package to another. The arrows must have no cycle.
func isReachable(picture map[string][]string, from, to string) bool {
	return slices.ContainsFunc(picture[from], func(next string) bool {
		return next == to || isReachable(picture, next, to)
	})
}

// imports returns the packages of this module that p imports outside of its tests.
func (p pkg) imports() []string {
	var ours []string
	for _, path := range p.Imports {
		if name, isOurs := strings.CutPrefix(path, p.Module.Path+"/"); isOurs {
			ours = append(ours, name)
		}
	}
	return ours
}
