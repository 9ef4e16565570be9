package gateway

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

var testRules = modelRules{
	{Name: "gpt-4o", Target: "gpt"}, {Name: "claude-*", Target: "claude-1"}, {Name: "gemini"}, {Name: "draw*er", Hidden: true},
	{Name: "nobody", Target: "gone"}, {Name: "claude-2"},
}

func TestModelRules(t *testing.T) {
	c := newCatalogue(nil, testRules, nil)
	models := []chat.Model{{ID: "gpt", MaxFiles: 5}, {ID: "drawer"}, {ID: "claude-1"}, {ID: "gemini"}, {ID: "claude-2"}, {ID: "draw"}}
	c.models.Store(&modelLists{testRules.arrange(models), models})
	var shown []string
	for _, m := range c.list() {
		shown = append(shown, m.ID)
	}
	if diff := cmp.Diff([]string{"gpt-4o", "gemini", "claude-2", "gpt", "claude-1", "draw"}, shown); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if m := c.list()[0]; m.MaxFiles != 5 {
		t.Errorf("alias = %+v, want the abilities of its model", m)
	}
	for name, want := range map[string]string{
		"gpt-4o": "gpt", "gpt": "gpt", "claude-opus": "claude-1", "claude-2": "claude-2", "claude-1": "claude-1", "gemini": "gemini",
		"drawer": "", "draw": "draw", "drawr": "", "nobody": "", "other": "",
	} {
		if m, ok := c.listed(name); m.ID != want || ok != (want != "") {
			t.Errorf("listed(%q) = %q, %t, want %q", name, m.ID, ok, want)
		}
	}
}

func TestModelRuleMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"a*", "a", true},
		{"a*", "abc", true},
		{"a*", "ba", false},
		{"*", "", true},
		{"*b*", "abc", true},
		{"*b*", "ac", false},
		{"a*b*c", "aXbYc", true},
		{"a*a", "a", false},
		{"a.c", "abc", false},
		{"a*/x", "a/b/x", true},
	} {
		if got := (&ModelRule{Name: tt.pattern}).matches(tt.name); got != tt.want {
			t.Errorf("%q matches %q = %t, want %t", tt.pattern, tt.name, got, tt.want)
		}
	}
}
