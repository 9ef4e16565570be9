package demo

import (
	"encoding/json"
	"strings"

	"achuan/internal/lazyregexp"
)

var (
	typeWord  = lazyregexp.New(`^(string|number|integer|boolean|null|object|array|any)\b`)
	typeKey   = lazyregexp.New(`^[A-Za-z_$][A-Za-z0-9_$-]*`)
	jsonStart = lazyregexp.New(`^["\[{0-9tfn-]`)
)

// ReadType reads a type, in the notation that the server uses for the arguments of a tool, back into a JSON
// Schema. It returns the text after the type. unescape is applied to the descriptions of properties.
func ReadType(text string, unescape func(string) string) (schema map[string]any, rest string, ok bool) {
	r := typeReader{text: text, unescape: unescape}
	schema = r.read()
	return schema, r.text, !r.failed
}

// typeReader reads a type back into a schema.
type typeReader struct {
	text     string
	unescape func(string) string
	failed   bool
}

func (r *typeReader) skip(prefix string) bool {
	rest, found := strings.CutPrefix(r.text, prefix)
	r.text = rest
	return found
}

func (r *typeReader) expect(prefix string) {
	if !r.skip(prefix) {
		r.failed = true
	}
}

// read reads a type with its keywords.
func (r *typeReader) read() map[string]any {
	members := []map[string]any{r.readAtom()}
	for !r.failed && r.skip(" | ") {
		members = append(members, r.readAtom())
	}
	s := members[0]
	if len(members) > 1 {
		s = Unite(members)
	}
	if !r.skip(" (") {
		return s
	}
	for {
		key := r.readKey()
		r.expect(": ")
		s[key] = r.readJSON()
		if r.failed || !r.skip(", ") {
			break
		}
	}
	r.expect(")")
	return s
}

func (r *typeReader) readAtom() (s map[string]any) {
	switch word := typeWord().FindString(r.text); {
	case word == "any":
		r.skip(word)
		s = map[string]any{}
	case word != "":
		r.skip(word)
		s = map[string]any{"type": word}
	case r.skip("("):
		s = r.read()
		r.expect(")")
	case r.skip("{"):
		s = r.readObject()
	default:
		s = map[string]any{"enum": []any{r.readJSON()}}
	}
	for r.skip("[]") {
		s = map[string]any{"type": "array", "items": s}
	}
	return s
}

func (r *typeReader) readObject() map[string]any {
	s := map[string]any{"type": "object", "additionalProperties": false}
	properties, required := map[string]any{}, []any{}
	for !r.failed {
		r.text = strings.TrimLeft(r.text, " \n")
		var description []string
		for r.skip("//") {
			line, rest, _ := strings.Cut(r.text, "\n")
			description = append(description, strings.TrimPrefix(line, " "))
			r.text = strings.TrimLeft(rest, " ")
		}
		if r.skip("}") {
			break
		}
		if r.skip("...") {
			s["additionalProperties"] = true
			if r.skip(": ") {
				s["additionalProperties"] = r.read()
			}
			continue
		}
		key := r.readKey()
		if !r.skip("?") {
			required = append(required, key)
		}
		r.expect(": ")
		p := r.read()
		if description != nil {
			p["description"] = r.unescape(strings.Join(description, "\n"))
		}
		properties[key] = p
	}
	s["properties"] = properties
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func (r *typeReader) readKey() string {
	if key := typeKey().FindString(r.text); key != "" {
		r.skip(key)
		return key
	}
	key, isText := r.readJSON().(string)
	r.failed = r.failed || !isText
	return key
}

func (r *typeReader) readJSON() (v any) {
	d := json.NewDecoder(strings.NewReader(r.text))
	if !jsonStart().MatchString(r.text) || d.Decode(&v) != nil {
		r.failed = true
		return nil
	}
	r.text = r.text[d.InputOffset():]
	return v
}

// Unite returns the schema of a union: a list of types or of literals if it is nothing else, or anyOf.
func Unite(members []map[string]any) map[string]any {
	for _, key := range []string{"type", "enum"} {
		var all []any
		fitting := 0
		for _, m := range members {
			v, ok := m[key]
			if key == "enum" && m["type"] == "null" {
				v, ok = []any{nil}, true
			}
			if !ok || len(m) != 1 || v == "object" || v == "array" {
				break
			}
			if list, isList := v.([]any); isList {
				all = append(all, list...)
			} else {
				all = append(all, v)
			}
			fitting++
		}
		if fitting == len(members) {
			return map[string]any{key: all}
		}
	}
	list := make([]any, len(members))
	for i, m := range members {
		list[i] = m
	}
	return map[string]any{"anyOf": list}
}
