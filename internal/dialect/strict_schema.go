package dialect

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// OpenAI's limits for strict schemas.
const (
	maxStrictDepth      = 10
	maxStrictProperties = 5000
)

// strictSchema is the state of the check of one strict schema.
type strictSchema struct{ properties int } // seen so far

// checkStrictSchema returns the first violation of OpenAI's rules, as words that follow
// "a strict schema", or "".
func checkStrictSchema(v jsonval.Value) string {
	if !hasType(v.Member("type"), "object") {
		return `must have "type": "object" at its root`
	}
	return new(strictSchema).check(v, 0)
}

// check checks a schema and the schemas in it. depth is the number of objects around it.
func (s *strictSchema) check(v jsonval.Value, depth int) string {
	if v.Kind() != jsonval.Object {
		return ""
	}
	properties := v.Member("properties")
	if hasType(v.Member("type"), "object") || properties.Kind() == jsonval.Object {
		if depth++; depth > maxStrictDepth {
			return "may nest " + strconv.Itoa(maxStrictDepth) + " objects deep at most"
		}
		if problem := s.object(v, properties); problem != "" {
			return problem
		}
	}
	for key, inner := range v.Members() {
		if problem := s.keyword(string(key), inner, depth); problem != "" {
			return problem
		}
	}
	return ""
}

// keyword checks one keyword of a schema.
func (s *strictSchema) keyword(key string, v jsonval.Value, depth int) string {
	switch key {
	case "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties":
		return "may not use " + key
	case "items", "contains", "prefixItems", "additionalItems", "unevaluatedItems", "propertyNames":
		if v.Kind() == jsonval.Object {
			return s.check(v, depth)
		}
		fallthrough
	case "anyOf", "oneOf":
		if v.Kind() != jsonval.Array {
			return ""
		}
		for _, e := range v.Elements() {
			if problem := s.check(e, depth); problem != "" {
				return problem
			}
		}
	case "properties", "$defs", "definitions":
		if v.Kind() != jsonval.Object {
			return ""
		}
		if key != "properties" {
			depth = 0
		}
		for _, e := range v.Members() {
			if problem := s.check(e, depth); problem != "" {
				return problem
			}
		}
	}
	return ""
}

// object checks the keywords that every object must have.
func (s *strictSchema) object(v, properties jsonval.Value) string {
	if additional := v.Member("additionalProperties"); string(additional) != "false" {
		return `must have "additionalProperties": false in every object`
	}
	if properties.Kind() != jsonval.Object {
		return ""
	}
	required := map[string]bool{}
	if list := v.Member("required"); list.Kind() == jsonval.Array {
		for _, e := range list.Elements() {
			if e.Kind() == jsonval.String {
				required[e.Text()] = true
			}
		}
	}
	for key := range properties.Members() {
		if s.properties++; s.properties > maxStrictProperties {
			return "may have " + strconv.Itoa(maxStrictProperties) + " properties at most"
		}
		if !required[string(key)] {
			return "must require every property, but not " + strconv.Quote(string(chat.Truncate(key, jsonval.MaxShown)))
		}
	}
	return ""
}

// hasType reports whether v, the value of the keyword type, is or includes a type.
func hasType(v jsonval.Value, name string) bool {
	switch v.Kind() {
	case jsonval.String:
		return string(v.Bytes()) == name
	case jsonval.Array:
		for _, e := range v.Elements() {
			if e.Kind() == jsonval.String && string(e.Bytes()) == name {
				return true
			}
		}
	}
	return false
}
