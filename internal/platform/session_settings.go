package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"

	"achuan/internal/chat"
)

// setting is a key of a session object that is a setting, with its present and its wanted value.
type setting struct {
	key        string
	have, want any // string, int or float64; both have the same type
}

func pairSettings(have, want chat.Settings) []setting {
	return []setting{
		{"model", have.Model, want.Model},
		{"prompt", have.Prompt, want.Prompt},
		{"temperature", have.Temperature, want.Temperature},
		{"presencePenalty", have.PresencePenalty, want.PresencePenalty},
		{"frequencyPenalty", have.FrequencyPenalty, want.FrequencyPenalty},
		{"maxToken", have.MaxTokens, want.MaxTokens},
		{"contextCount", have.ContextCount, want.ContextCount},
	}
}

// isApplied reports whether the platform has the wanted value. It ignores what a database may
// change: outer white space, line ends, and the precision beyond 32 bits. The platform may also
// choose another context count.
func (s setting) isApplied() bool {
	switch have := s.have.(type) {
	case string:
		return normalizeStored(have) == normalizeStored(s.want.(string))
	case float64:
		return math.Abs(have-s.want.(float64)) < 1e-4
	}
	return s.have == s.want || s.key == "contextCount"
}

func normalizeStored(s string) string {
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

// unappliedSettings returns the names of the settings that the platform did not apply.
func unappliedSettings(have, want chat.Settings) []string {
	var names []string
	for _, s := range pairSettings(have, want) {
		if !s.isApplied() {
			names = append(names, s.key)
		}
	}
	return names
}

// errNoObject is a mistake of the caller: only a session that the platform sent can be updated.
var errNoObject = errors.New("platform: the session has no object to send back")

// overlaySettings returns a session object with the wanted settings, and with a title unless that
// is "". It keeps every other byte, and every setting that already has its value, because the
// platform expects the whole object back in its own version.
func overlaySettings(object []byte, want chat.Settings, title string) ([]byte, error) {
	have, err := parseSession(object)
	if err != nil {
		return nil, errNoObject
	}
	changed, err := changedValues(have.Settings, want)
	if err != nil {
		return nil, err
	}
	if title != "" {
		name, err := encode(title)
		if err != nil {
			return nil, err
		}
		changed = append(changed, change{key: "name", value: name})
	}
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var out []byte
	copied := int64(0) // of object, into out
	for dec.More() {
		key, err := dec.Token()
		var value json.RawMessage
		if err == nil {
			err = dec.Decode(&value)
		}
		if err != nil {
			return nil, errNoObject
		}
		i := slices.IndexFunc(changed, func(v change) bool { return v.key == key })
		if i < 0 {
			continue
		}
		end := dec.InputOffset()
		out = append(out, object[copied:end-int64(len(value))]...)
		out = append(out, changed[i].value...)
		copied, changed[i].isWritten = end, true
	}
	return append(out, addMissing(object[copied:], changed)...), nil
}

// addMissing adds the changes that the object has no key for in front of the object's end.
func addMissing(tail []byte, members []change) []byte {
	end := bytes.LastIndexByte(tail, '}')
	out := slices.Clone(tail[:end])
	for _, m := range members {
		if !m.isWritten {
			// An object always has an id, so a comma is right.
			out = append(append(append(out, `,"`+m.key...), `":`...), m.value...)
		}
	}
	return append(out, tail[end:]...)
}

// change is a key of a session object and its new value.
type change struct {
	key       string
	value     []byte
	isWritten bool // into the new object
}

// changedValues returns the settings that differ, as JSON.
func changedValues(have, want chat.Settings) ([]change, error) {
	var changed []change
	for _, s := range pairSettings(have, want) {
		if s.have == s.want {
			continue
		}
		value, err := encode(s.want)
		if err != nil {
			return nil, err
		}
		changed = append(changed, change{key: s.key, value: value})
	}
	return changed, nil
}
