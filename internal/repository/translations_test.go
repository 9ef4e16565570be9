package repository

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const chineseSuffix = ".zh-CN.md"

var number = regexp.MustCompile(`\d(?:[\d,.]*\d)?`)

// factsOf returns the names and figures of a page that a translation does not change: its code spans and its numbers,
// outside of blocks of code.
func factsOf(page string) map[string]bool {
	facts := map[string]bool{}
	for _, span := range spansOf(page) {
		facts["`"+span+"`"] = true
	}
	for _, n := range number.FindAllString(fencedCode.ReplaceAllString(page, ""), -1) {
		facts[n] = true
	}
	return facts
}

// A Chinese page and its English page have the same names of settings, metrics, codes and commands, and the same
// figures.
func TestTranslationsHaveTheSameFacts(t *testing.T) {
	pages := find(t, chineseSuffix)
	if len(pages) < 5 {
		t.Fatalf("found only the Chinese pages %v", pages)
	}
	for _, chinese := range pages {
		english := strings.TrimSuffix(chinese, chineseSuffix) + ".md"
		compareFacts(t, english, chinese)
		compareFacts(t, chinese, english)
	}
}

// compareFacts reports the facts of one page that the other does not have.
func compareFacts(t *testing.T, page, other string) {
	t.Helper()
	known := factsOf(read(t, other))
	var missing []string
	for fact := range factsOf(read(t, page)) {
		if !known[fact] {
			missing = append(missing, fact)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("%s has %s, and %s does not", page, strings.Join(missing, ", "), other)
	}
}
