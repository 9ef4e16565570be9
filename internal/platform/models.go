package platform

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"achuan/internal/chat"
)

// modelObject is the part of a model that is read. Versions differ in where they put the extras.
type modelObject struct {
	Value text `json:"value"`
	Label text `json:"label"`
	modelExtras
	Attr modelExtras `json:"attr"`
}

type modelExtras struct {
	ModelType        text       `json:"modelType"`
	ReasoningEfforts list[text] `json:"reasoningEfforts"`
}

func (e *modelExtras) isChat() bool { return e.ModelType == "" || e.ModelType == "chat" }

// Models returns the chat models that the account can use, in the platform's order. The platform
// lists a model once for each of its tags; Models keeps the first.
func (c *Client) Models(ctx context.Context) ([]chat.Model, error) {
	var data json.RawMessage
	if err := c.call(ctx, endpoint{http.MethodGet, modelsPath, modelsPath}, nil, &data); err != nil {
		return nil, err
	}
	entries, ok := findModels(data)
	if !ok {
		return nil, failed.withCause(errors.New("the reply has no list of models"))
	}
	models := []chat.Model{}
	seen := map[text]bool{}
	for _, entry := range entries {
		var o modelObject
		// An odd entry that could be read in part is enough if it has a value.
		_ = json.Unmarshal(entry, &o)
		if o.Value == "" || seen[o.Value] || !o.isChat() || !o.Attr.isChat() {
			continue
		}
		seen[o.Value] = true
		models = append(models, o.model())
	}
	return models, nil
}

func (o *modelObject) model() chat.Model {
	m := chat.Model{ID: string(o.Value), Label: string(o.Label)}
	if m.Label == "" {
		m.Label = m.ID
	}
	for _, effort := range append(o.ReasoningEfforts, o.Attr.ReasoningEfforts...) {
		if effort != "" && !slices.Contains(m.ReasoningEfforts, string(effort)) {
			m.ReasoningEfforts = append(m.ReasoningEfforts, string(effort))
		}
	}
	return m
}

// findModels returns the array under the least nested key `models`. What surrounds it changes from
// version to version.
func findModels(data json.RawMessage) ([]json.RawMessage, bool) {
	level := []json.RawMessage{data}
	for range 8 { // deeper than in any version known
		var next []json.RawMessage
		for _, value := range level {
			if jsonKind(value) != '{' {
				continue
			}
			var object map[string]json.RawMessage
			if json.Unmarshal(value, &object) != nil {
				continue
			}
			var models []json.RawMessage
			if jsonKind(object["models"]) == '[' && json.Unmarshal(object["models"], &models) == nil {
				return models, true
			}
			for _, key := range slices.Sorted(maps.Keys(object)) {
				next = append(next, object[key])
			}
		}
		level = next
	}
	return nil, false
}
