package emulate

import (
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// modernizer rewrites a schema in the latest draft. Clients write schemas in the forms of every
// draft and of OpenAPI, and rarely say which. Only the copy that answers are checked against
// changes; the model sees the schema as the client wrote it.
//
//   - `$schema` that is empty or names OpenAPI's dialect says nothing.
//   - A keyword that is null is not set. (const and default may be null.)
//   - A boolean exclusiveMinimum or exclusiveMaximum is that of draft 4.
//   - A list as items is that of the drafts up to 2019-09.
//   - An id that is a fragment is an anchor.
//   - Types in capitals are Gemini's.
//   - An empty list in place of schemas by name is PHP's empty object.
//
// OpenAPI's nullable has no other form: see schemaExtra.
type modernizer struct {
	isDraft4 bool // the schema says so, so its booleans are correct
	isOld    bool // the schema says that it is of draft 4, 6 or 7, so its ids are correct
	hasList  bool // items is a list in some place
}

// modernize rewrites a schema in one draft, and returns the draft for a schema that does not name
// its own.
func modernize(root any) *jsonschema.Draft {
	m, ok := root.(map[string]any)
	if !ok {
		return jsonschema.Draft2020
	}
	if named, ok := m["$schema"].(string); !ok || isNeutralDialect(named) {
		delete(m, "$schema")
	}
	named, _ := m["$schema"].(string)
	f := modernizer{isDraft4: strings.Contains(named, "draft-04"), isOld: strings.Contains(named, "/draft-0")}
	f.convertSchema(m, true)
	if !f.hasList {
		return jsonschema.Draft2020
	}
	if strings.Contains(named, "2020-12") {
		delete(m, "$schema")
	}
	return jsonschema.Draft2019
}

// isNeutralDialect reports whether a metaschema's name says nothing about the draft.
func isNeutralDialect(name string) bool {
	return strings.TrimSpace(name) == "" || strings.HasPrefix(name, "https://spec.openapis.org/oas/")
}

// convertSchema rewrites one schema. It treats the value of an unknown keyword as a schema too,
// because a reference may point there.
func (f *modernizer) convertSchema(v map[string]any, isRoot bool) {
	if !isRoot {
		delete(v, "$schema") // left from a schema that was copied into another
	}
	for _, bound := range []string{"Minimum", "Maximum"} {
		f.convertExclusive(v, "exclusive"+bound, strings.ToLower(bound))
	}
	if !f.isOld {
		convertAnchor(v)
	}
	for key, e := range v {
		switch {
		case key == "const" || key == "default":
		case e == nil:
			delete(v, key)
		case holdsData(key):
		case key == "type":
			v[key] = lowerTypes(e)
		case holdsNamedSchemas(key):
			f.convertNamed(v, key)
		default:
			_, isList := e.([]any)
			f.hasList = f.hasList || isList && key == "items"
			f.convertValue(e)
		}
	}
}

// convertValue rewrites the schemas in a keyword's value.
func (f *modernizer) convertValue(part any) {
	switch v := part.(type) {
	case map[string]any:
		f.convertSchema(v, false)
	case []any:
		for _, e := range v {
			f.convertValue(e)
		}
	}
}

// holdsNamedSchemas reports whether a keyword's value is schemas by name.
func holdsNamedSchemas(keyword string) bool {
	switch keyword {
	case "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies":
		return true
	default:
		return false
	}
}

func (f *modernizer) convertNamed(v map[string]any, key string) {
	switch e := v[key].(type) {
	case map[string]any:
		for _, schema := range e {
			f.convertValue(schema)
		}
	case []any:
		if len(e) == 0 {
			delete(v, key)
		}
	}
}

// convertExclusive turns draft 4's boolean into a limit.
func (f *modernizer) convertExclusive(v map[string]any, keyword, bound string) {
	is, ok := v[keyword].(bool)
	if !ok || f.isDraft4 {
		return
	}
	delete(v, keyword)
	if limit, ok := v[bound]; ok && is {
		v[keyword] = limit
		delete(v, bound)
	}
}

// convertAnchor turns an id that is a fragment into an anchor.
func convertAnchor(v map[string]any) {
	for _, keyword := range []string{"id", "$id"} {
		name, ok := v[keyword].(string)
		if _, has := v["$anchor"]; !ok || has || len(name) < 2 || name[0] != '#' {
			continue
		}
		delete(v, keyword)
		v["$anchor"] = name[1:]
	}
}

// lowerTypes returns the names of types in lower case.
func lowerTypes(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ToLower(v)
	case []any:
		for i, e := range v {
			v[i] = lowerTypes(e)
		}
	}
	return v
}
