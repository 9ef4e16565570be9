package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// ModelRule says how clients see a model: see ACHUAN_MODELS.
type ModelRule struct {
	Name   string // in which * stands for any characters
	Target string // the model that answers; "" for the model with that name
	Hidden bool
}

// ModelRules returns the entries of ACHUAN_MODELS in their order.
func (s *Settings) ModelRules() (rules []ModelRule) {
	for _, entry := range s.Models {
		rules = append(rules, parseModelRule(entry))
	}
	return rules
}

func parseModelRule(entry string) ModelRule {
	if name, isHidden := strings.CutPrefix(entry, "-"); isHidden {
		return ModelRule{Name: strings.TrimSpace(name), Hidden: true}
	}
	name, target, _ := strings.Cut(entry, "=")
	return ModelRule{Name: strings.TrimSpace(name), Target: strings.TrimSpace(target)}
}

func isInvalidModelRule(entry string) bool {
	r := parseModelRule(entry)
	_, _, isAlias := strings.Cut(entry, "=")
	return r.Name == "" || isAlias != (r.Target != "") || r.Hidden && isAlias || strings.ContainsAny(r.Target, "*=")
}

// modelsKey is the key of the mapping in the settings file that is ACHUAN_MODELS.
const modelsKey = "models"

// modelsText returns the mapping of models in the settings file in the form of the environment variable.
func modelsText(n *yaml.Node) (text, problem string) {
	if n.Kind != yaml.MappingNode {
		return "", "want a mapping of names to models"
	}
	var entries []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode || strings.ContainsAny(name.Value+value.Value, ",=") {
			return "", "want NAME: MODEL, NAME: true or NAME: false, without commas and equals signs"
		}
		switch {
		case value.ShortTag() == "!!bool" && strings.EqualFold(value.Value, "true"):
			entries = append(entries, name.Value)
		case value.ShortTag() == "!!bool":
			entries = append(entries, "-"+name.Value)
		default:
			entries = append(entries, name.Value+"="+value.Value)
		}
	}
	return strings.Join(entries, ","), ""
}
