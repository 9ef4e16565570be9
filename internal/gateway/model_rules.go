package gateway

import (
	"slices"
	"strings"

	"achuan/internal/chat"
)

// ModelRule says how clients see a model. Its Name is that of a model, or a pattern in which * stands for any
// characters.
type ModelRule struct {
	Name   string
	Target string // the served model that answers for Name; "" for the model itself
	Hidden bool   // the model is neither listed nor served by its own name
}

// matches reports whether the rule is about a model of that name.
func (r *ModelRule) matches(name string) bool {
	parts := strings.Split(r.Name, "*")
	if len(parts) == 1 {
		return r.Name == name
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, part)
		if !ok || i < 0 {
			return false
		}
		rest = rest[i+len(part):]
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

func (r *ModelRule) isPattern() bool { return strings.Contains(r.Name, "*") }

// modelRules are the rules in their order. The first that matches a name counts.
type modelRules []ModelRule

// find returns the rule for a name, or nil. A rule with the name itself counts before patterns.
func (rules modelRules) find(name string) *ModelRule {
	for _, isPattern := range []bool{false, true} {
		i := slices.IndexFunc(rules, func(r ModelRule) bool { return r.isPattern() == isPattern && r.matches(name) })
		if i >= 0 {
			return &rules[i]
		}
	}
	return nil
}

// arrange returns the models that clients see: those with a rule in the order of the rules, aliases
// among them, and then the others without those that are hidden.
func (rules modelRules) arrange(models []chat.Model) (shown []chat.Model) {
	byID := func(id string) *chat.Model {
		if i := slices.IndexFunc(models, func(m chat.Model) bool { return m.ID == id }); i >= 0 {
			return &models[i]
		}
		return nil
	}
	isShown := map[string]bool{}
	add := func(name string, m *chat.Model) {
		if m != nil && !isShown[name] {
			isShown[name] = true
			copied := *m
			copied.ID = name
			shown = append(shown, copied)
		}
	}
	for _, r := range rules {
		switch {
		case r.Hidden || r.isPattern():
		case r.Target != "":
			add(r.Name, byID(r.Target))
		default:
			add(r.Name, byID(r.Name))
		}
	}
	for i := range models {
		if r := rules.find(models[i].ID); r == nil || !r.Hidden {
			add(models[i].ID, &models[i])
		}
	}
	return shown
}
