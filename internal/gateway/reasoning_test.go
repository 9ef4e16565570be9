package gateway

import (
	"fmt"
	"testing"

	"achuan/internal/chat"
)

func TestReasoning(t *testing.T) {
	levels := model{ReasoningEfforts: []string{"low", "high", "max"}}
	switched := model{Thinks: true}
	for _, c := range []struct {
		name  string
		model model
		asked string
		want  string // effort and thinking
	}{
		{"nothing asked", levels, "", " -"}, {"the level", levels, "high", "high -"}, {"the nearest", levels, "xhigh", "high -"},
		{"the lower of two", levels, "medium", "low -"}, {"the lowest", levels, "none", "low -"}, {"the highest", levels, "max", "max -"},
		{"no level that is known", model{ReasoningEfforts: []string{"deep"}}, "high", " -"},
		{"off", switched, "none", " false"}, {"hardly", switched, "minimal", " false"}, {"on", switched, "low", " true"},
		{"more", switched, "max", " true"}, {"as the model likes", switched, "", " -"},
		{"neither", model{}, "high", " -"},
	} {
		effort, thinking := c.model.reasoning(c.asked)
		got := effort + " -"
		if thinking != nil {
			got = fmt.Sprint(effort, " ", *thinking)
		}
		if got != c.want {
			t.Errorf("%s: reasoning(%q) = %q, want %q", c.name, c.asked, got, c.want)
		}
	}
}

func TestChooseSearch(t *testing.T) {
	list := []chat.Model{
		{ID: "new", MaySearch: true}, {ID: "old"}, {ID: "old-search", Searches: true}, {ID: "other"},
	}
	c := newCatalogue(nil, nil, nil)
	c.models.Store(&modelLists{list, list})
	for _, tt := range []struct {
		id, wantModel string // "" for an error
		wantFlag      bool
	}{{"new", "new", true}, {"old", "old-search", false}, {"old-search", "old-search", false}, {"other", "", false}} {
		m, _ := c.listed(tt.id)
		r := &chat.Request{Model: tt.id, WebSearch: true}
		err := c.chooseSearch(m, r)
		if tt.wantModel == "" {
			if e := chat.AsError(err); err == nil || e.Code != chat.CodeUnsupportedParameter || e.Param != "web_search_options" {
				t.Errorf("chooseSearch(%s) = %v, want unsupported_parameter of web_search_options", tt.id, err)
			}
			continue
		}
		if err != nil || r.Model != tt.wantModel || r.WebSearch != tt.wantFlag {
			t.Errorf("chooseSearch(%s) = %s with the key %t, %v, want %s with %t", tt.id, r.Model, r.WebSearch, err, tt.wantModel, tt.wantFlag)
		}
	}
	if err := c.chooseSearch(model{ID: "other"}, &chat.Request{}); err != nil {
		t.Errorf("chooseSearch without a wish = %v, want nil", err)
	}
}
