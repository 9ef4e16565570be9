package repository

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
)

const logAttributes = "internal/telemetry/log_attributes.go"

var logKey = regexp.MustCompile(`(?m)^\t(Key\w+) += "`)

// The program logs each attribute that package telemetry declares.
func TestLogAttributesAreUsed(t *testing.T) {
	used := map[string]bool{}
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			if s.test || strings.HasSuffix(s.path, logAttributes) {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				if ident, ok := n.(*ast.Ident); ok {
					used[ident.Name] = true
				}
				return true
			})
		}
	}
	declared := logKey.FindAllStringSubmatch(read(t, logAttributes), -1)
	if len(declared) < 20 {
		t.Fatalf("attributes in %s = %d, want 20 or more", logAttributes, len(declared))
	}
	for _, match := range declared {
		if !used[match[1]] {
			t.Errorf("uses of telemetry.%s = none, want one, or no such constant", match[1])
		}
	}
}
