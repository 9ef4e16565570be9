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

// setting is one of the keys of a session object that are settings.
type setting struct {
	key        string
	have, want any // string, int or float64, both the same
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

// isApplied reports whether the platform has what it was asked for, give or take what
// a store does: outer white space, line ends, the precision of a 32-bit number.
// How much context it gives is the platform's to say.
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

// unappliedSettings names the settings that did not stick.
func unappliedSettings(have, want chat.Settings) []string {
	var names []string
	for _, s := range pairSettings(have, want) {
		if !s.isApplied() {
			names = append(names, s.key)
		}
	}
	return names
}

// errNoObject is a fault of the caller's: a session to update must be one that the
// platform sent.
var errNoObject = errors.New("platform: the session holds no object to send back")

// overlaySettings returns a session object with the given settings in it. Every other byte
// stays, because the platform wants the whole object back, in whatever version it
// is; so do settings that are as asked already.
func overlaySettings(object []byte, want chat.Settings) ([]byte, error) {
	have, err := parseSession(object)
	if err != nil {
		return nil, errNoObject
	}
	changed, err := changedValues(have.Settings, want)
	if err != nil {
		return nil, err
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

// addMissing puts the members that the object does not have before its end.
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
	isWritten bool // in the object that is being written
}

// changedValues returns the settings in which two differ, as JSON.
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
