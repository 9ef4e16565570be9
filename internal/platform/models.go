package platform

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

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
	Multimodal       *flag      `json:"multimodal"`
	OnlyPictures     *flag      `json:"onlyImg"`
	Tag              text       `json:"tag"`
	Capabilities     struct {
		ImageInput *flag `json:"imageInput"`
		AnyFile    *flag `json:"anyFile"`
		Thinking   *flag `json:"thinking"`
	} `json:"capabilities"`
}

// files returns which files the model reads. 3.x says it in capabilities, 2.x with multimodal and
// onlyImg.
func (e *modelExtras) files() chat.FileSupport {
	isTrue := func(f *flag) bool { return f != nil && bool(*f) }
	c := &e.Capabilities
	switch {
	case isTrue(c.AnyFile):
		return chat.FilesAny
	case isTrue(c.ImageInput):
		return chat.FilesPictures
	case c.AnyFile != nil || c.ImageInput != nil:
		return chat.FilesNone
	case e.Multimodal == nil:
		return chat.FilesUnknown
	case !isTrue(e.Multimodal):
		return chat.FilesNone
	case isTrue(e.OnlyPictures):
		return chat.FilesPictures
	default:
		return chat.FilesAny
	}
}

// searchTag is part of the tag of models that search the web by themselves.
const searchTag = "联网"

// isForPictures reports whether a tag is that of the models that draw. The platform has no other sign
// of them.
func (t text) isForPictures() bool {
	for _, word := range []string{"图片", "绘图", "绘画", "画图", "image"} {
		if strings.Contains(strings.ToLower(string(t)), word) {
			return true
		}
	}
	return false
}

func (e *modelExtras) isChat() bool { return e.ModelType == "" || e.ModelType == "chat" }

// Models returns the chat models that the account can use, in the platform's order. The platform
// lists a model once for each of its tags; Models keeps the first.
func (c *Client) Models(ctx context.Context) ([]chat.Model, error) {
	var data json.RawMessage
	if err := c.call(ctx, endpoint{http.MethodGet, modelsPath, modelsPath}, nil, &data); err != nil {
		return nil, err
	}
	list, ok := findModels(data)
	if !ok {
		return nil, failed.withCause(errors.New("the reply has no list of models"))
	}
	models := []chat.Model{}
	indexes := map[text]int{}
	for _, entry := range list.Models {
		var o modelObject
		// An odd entry that could be read in part is enough if it has a value.
		_ = json.Unmarshal(entry, &o)
		if o.Value == "" || !o.isChat() || !o.Attr.isChat() {
			continue
		}
		m := o.model()
		if i, isKnown := indexes[o.Value]; isKnown {
			models[i].Files = max(models[i].Files, m.Files) // one group may be for documents
			models[i].Draws = models[i].Draws || m.Draws
			models[i].Thinks = models[i].Thinks || m.Thinks
			continue
		}
		m.MaySearch = bool(list.WebSearch)
		m.MaxFiles, m.MaxFileSize = list.MaxFiles.count(), int64(list.MaxFileSize.count())<<20
		indexes[o.Value] = len(models)
		models = append(models, m)
	}
	return models, nil
}

// modelList is the object that has the models, and the limits of files.
type modelList struct {
	Models      []json.RawMessage `json:"models"`
	MaxFiles    integer           `json:"mFileCount"`    // of one question
	MaxFileSize integer           `json:"mFileSize"`     // MB
	WebSearch   flag              `json:"webSearchOpen"` // 3.1: a question may ask for a search
}

func (o *modelObject) model() chat.Model {
	m := chat.Model{ID: string(o.Value), Label: string(o.Label), Files: max(o.files(), o.Attr.files())}
	m.Draws = o.Tag.isForPictures() || o.Attr.Tag.isForPictures()
	m.Searches = strings.Contains(string(o.Tag+o.Attr.Tag), searchTag)
	for _, thinking := range []*flag{o.Capabilities.Thinking, o.Attr.Capabilities.Thinking} {
		m.Thinks = m.Thinks || thinking != nil && bool(*thinking)
	}
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

// findModels returns the least nested object with an array `models`. What surrounds it changes from
// version to version.
func findModels(data json.RawMessage) (list modelList, ok bool) {
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
			if jsonKind(object["models"]) == '[' && json.Unmarshal(value, &list) == nil {
				return list, true
			}
			for _, key := range slices.Sorted(maps.Keys(object)) {
				next = append(next, object[key])
			}
		}
		level = next
	}
	return modelList{}, false
}
