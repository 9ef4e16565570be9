package gateway

import (
	"fmt"
	"slices"
	"strings"

	"achuan/internal/chat"
)

// efforts are OpenAI's levels of reasoning, the lowest first.
var efforts = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// reasoning returns what the platform is told about the reasoning that a client asks for. A model that
// has levels (3.4) gets the nearest one; of two that are as near, the lower one. A model whose
// reasoning can be switched (3.0) thinks from "low" on. Other models get nothing.
func (m model) reasoning(asked string) (effort string, thinking *bool) {
	at := slices.Index(efforts, asked)
	switch {
	case at < 0:
		return "", nil
	case len(m.ReasoningEfforts) > 0:
		return nearestEffort(m.ReasoningEfforts, at), nil
	case m.Thinks:
		return "", new(at >= slices.Index(efforts, "low"))
	}
	return "", nil
}

// nearestEffort returns the level of a model that is nearest to efforts[at]; "" if the model has none
// of OpenAI's levels.
func nearestEffort(levels []string, at int) string {
	for distance := range efforts {
		for _, i := range []int{at - distance, at + distance} {
			if i >= 0 && i < len(efforts) && slices.Contains(levels, efforts[i]) {
				return efforts[i]
			}
		}
	}
	return ""
}

// chooseSearch sets how the platform searches the web for a request that asks for it: by a key of the
// question (3.1), or by the variant of the model that searches by itself (2.x).
func (c *catalogue) chooseSearch(m model, r *chat.Request) error {
	if !r.WebSearch {
		return nil
	}
	if m.MaySearch {
		return nil
	}
	r.WebSearch = false
	if m.Searches {
		return nil
	}
	for _, other := range c.models.Load().served {
		if other.Searches && strings.HasPrefix(other.ID, m.ID) {
			r.Model = other.ID
			return nil
		}
	}
	return &chat.Error{
		Kind: chat.KindInvalid, Code: chat.CodeUnsupportedParameter, Param: "web_search_options",
		Message: fmt.Sprintf("The platform cannot search the web for the model %q.%s", m.ID, c.searchingModels()),
	}
}

// searchingModels returns a sentence with the models that search the web; "" if there are none.
func (c *catalogue) searchingModels() string {
	var ids []string
	for _, m := range c.list() {
		if m.Searches {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return " Models that search: " + strings.Join(ids, ", ") + "."
}
