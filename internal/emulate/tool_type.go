package emulate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"achuan/internal/jsonval"
	"achuan/internal/lazyregexp"
)

// This file writes JSON Schemas as types, as the package's documentation describes. Nothing of a
// schema is left out, except the $schema of its root.

// schemaFields are the fields of a schema in the order of its text. Each key is there once.
type schemaFields []schemaField

type schemaField struct {
	key   string
	value jsonval.Value
}

func fieldsOf(v jsonval.Value) (fields schemaFields) {
	for key, value := range v.Members() {
		if i := fields.index(string(key)); i >= 0 {
			fields[i].value = value // as JSON decoders do
			continue
		}
		fields = append(fields, schemaField{string(key), value})
	}
	return fields
}

func (f schemaFields) index(key string) int {
	return slices.IndexFunc(f, func(e schemaField) bool { return e.key == key })
}

// get returns the value of a field; the empty Value if it is absent.
func (f schemaFields) get(key string) jsonval.Value {
	if i := f.index(key); i >= 0 {
		return f[i].value
	}
	return nil
}

// typeText is a schema as a type. used are the keywords that the text expresses.
type typeText struct {
	text    string
	used    []string
	isUnion bool
}

// argumentsType returns the type of a tool's arguments.
func argumentsType(parameters []byte) string {
	if parameters == nil {
		return "{}"
	}
	text, _ := schemaType(bytes.TrimSpace(parameters), 0, "$schema")
	return text
}

// schemaType returns a schema as a type. isAtom says that it needs no parentheses inside of
// another type. written are keywords that stand elsewhere.
func schemaType(v jsonval.Value, depth int, written ...string) (text string, isAtom bool) {
	switch v.Kind() {
	case jsonval.Object:
	case jsonval.Bool:
		if string(v) == "true" {
			return "any", true
		}
		return "any (not: {})", false
	default: // it does not compile, so no model may call the tool
		return "any (schema: " + compactJSON(v) + ")", false
	}
	fields := fieldsOf(v)
	t := baseType(fields, depth)
	var rest []string
	for _, f := range fields {
		if !slices.Contains(t.used, f.key) && !slices.Contains(written, f.key) {
			rest = append(rest, memberName(f.key)+": "+compactJSON(f.value))
		}
	}
	if len(rest) == 0 {
		return t.text, !t.isUnion
	}
	return t.text + " (" + strings.Join(rest, ", ") + ")", false
}

// baseType returns the type of a schema without the keywords that have no place in a type.
func baseType(fields schemaFields, depth int) typeText {
	of := fields.get("type")
	switch of.Kind() {
	case jsonval.String:
		switch name := string(of.Bytes()); name {
		case "object":
			return objectType(fields, depth)
		case "array":
			return arrayType(fields, depth)
		case "string", "number", "integer", "boolean", "null":
			if name == "string" {
				if t, ok := literalType(fields, true); ok {
					t.used = append(t.used, "type")
					return t
				}
			}
			return typeText{name, []string{"type"}, false}
		}
	case jsonval.Array:
		if names, ok := typeNames(of); ok {
			return typeText{strings.Join(names, " | "), []string{"type"}, len(names) > 1}
		}
	case jsonval.Absent:
		if t, ok := literalType(fields, false); ok {
			return t
		}
		if t, ok := unionType(fields.get("anyOf"), depth); ok {
			return t
		}
	}
	return typeText{"any", nil, false}
}

// typeNames returns the names in a list of types.
func typeNames(list jsonval.Value) (names []string, ok bool) {
	for _, e := range list.Elements() {
		if e.Kind() != jsonval.String {
			return nil, false
		}
		names = append(names, string(e.Bytes()))
	}
	return names, len(names) > 0
}

// literalType returns the type of an enum or a const, if all values are scalars, or strings.
func literalType(fields schemaFields, onlyStrings bool) (typeText, bool) {
	isLiteral := func(v jsonval.Value) bool {
		k := v.Kind()
		return k == jsonval.String || !onlyStrings && (k == jsonval.Number || k == jsonval.Bool || k == jsonval.Null)
	}
	enum, constant := fields.get("enum"), fields.get("const")
	switch {
	case enum.Kind() == jsonval.Absent && isLiteral(constant):
		return typeText{compactJSON(constant), []string{"const"}, false}, true
	case enum.Kind() != jsonval.Array || enum.IsEmpty():
		return typeText{}, false
	}
	var values []string
	for _, e := range enum.Elements() {
		if !isLiteral(e) {
			return typeText{}, false
		}
		values = append(values, compactJSON(e))
	}
	return typeText{strings.Join(values, " | "), []string{"enum"}, len(values) > 1}, true
}

// unionType returns the type of anyOf.
func unionType(list jsonval.Value, depth int) (typeText, bool) {
	if list.Kind() != jsonval.Array {
		return typeText{}, false
	}
	var members []string
	for _, e := range list.Elements() {
		members = append(members, atom(e, depth))
	}
	return typeText{strings.Join(members, " | "), []string{"anyOf"}, len(members) > 1}, len(members) > 0
}

// atom returns a type that can be a part of another one.
func atom(v jsonval.Value, depth int) string {
	text, isAtom := schemaType(v, depth)
	if isAtom {
		return text
	}
	return "(" + text + ")"
}

func arrayType(fields schemaFields, depth int) typeText {
	items := fields.get("items")
	if k := items.Kind(); k != jsonval.Object && k != jsonval.Bool {
		return typeText{"any[]", []string{"type"}, false} // a list of items, of old drafts, stays a keyword
	}
	return typeText{atom(items, depth) + "[]", []string{"type", "items"}, false}
}

// objectType returns the type of an object: its properties on a line each.
func objectType(fields schemaFields, depth int) typeText {
	t := typeText{used: []string{"type"}}
	properties, required := fields.get("properties"), fields.get("required")
	if k := properties.Kind(); k != jsonval.Object && k != jsonval.Absent {
		return typeText{"object", t.used, false} // it does not compile
	}
	var members schemaFields
	if properties.Kind() == jsonval.Object {
		members = fieldsOf(properties)
		t.used = append(t.used, "properties")
	}
	isRequired, isWhole := requiredNames(required, members)
	if isWhole {
		t.used = append(t.used, "required")
	}
	indent := strings.Repeat("  ", depth)
	var b strings.Builder
	b.WriteString("{\n")
	for _, m := range members {
		writeMember(&b, m, isRequired[m.key], indent, depth)
	}
	switch others := fields.get("additionalProperties"); {
	case string(others) == "false":
		t.used = append(t.used, "additionalProperties")
	case others.Kind() == jsonval.Absent, string(others) == "true":
		t.used = append(t.used, "additionalProperties")
		b.WriteString(indent + "...\n")
	default:
		text, _ := schemaType(others, depth+1)
		t.used = append(t.used, "additionalProperties")
		b.WriteString(indent + "...: " + text + "\n")
	}
	b.WriteString(strings.TrimSuffix(indent, "  ") + "}")
	switch t.text = b.String(); {
	case strings.HasPrefix(t.text, "{\n"+strings.TrimSuffix(indent, "  ")+"}"):
		t.text = "{}"
	case len(members) == 0:
		t.text = "{" + strings.TrimSpace(t.text[1:len(t.text)-1]) + "}"
	}
	return t
}

// requiredNames returns the properties that are required. isWhole says that this is all that required says.
func requiredNames(required jsonval.Value, members schemaFields) (names map[string]bool, isWhole bool) {
	names = map[string]bool{}
	if required.Kind() != jsonval.Array {
		return names, false
	}
	isWhole = true
	for _, e := range required.Elements() {
		if e.Kind() != jsonval.String || members.index(string(e.Bytes())) < 0 {
			isWhole = false
			continue
		}
		names[string(e.Bytes())] = true
	}
	return names, isWhole
}

// writeMember writes a property: its description above, its name, and its type.
func writeMember(b *strings.Builder, m schemaField, isRequired bool, indent string, depth int) {
	var written []string
	if m.value.Kind() == jsonval.Object {
		if d := m.value.Member("description"); d.Kind() == jsonval.String && string(d) != `""` {
			written = []string{"description"}
			for line := range strings.SplitSeq(escapeToolText(string(d.Bytes())), "\n") {
				if line != "" {
					line = " " + line
				}
				b.WriteString(indent + "//" + line + "\n")
			}
		}
	}
	b.WriteString(indent + memberName(m.key))
	if !isRequired {
		b.WriteByte('?')
	}
	text, _ := schemaType(m.value, depth+1, written...)
	b.WriteString(": " + text + "\n")
}

var plainName = lazyregexp.New(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

// memberName returns a key as it is, or as a JSON string if it has other characters.
func memberName(key string) string {
	if plainName().MatchString(key) {
		return key
	}
	return quoteJSON(key)
}

// compactJSON returns JSON without white space between its tokens and without tags in it.
func compactJSON(v []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil {
		return string(v) // cannot happen: the body was valid JSON
	}
	return escapeTagsInJSON(b.String())
}

// listEnd matches the end of the list of tools in a text, escaped or not.
var listEnd = lazyregexp.New(`(<|&(?:amp;)*lt;)(/tools>)`)

// escapeToolText escapes tags, and the end of the list of tools, in a text inside of that list.
func escapeToolText(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return text
	}
	return listEnd().ReplaceAllStringFunc(escapeTags(text), func(found string) string {
		if rest, isTag := strings.CutPrefix(found, "<"); isTag {
			return "&lt;" + rest
		}
		return "&amp;" + found[1:]
	})
}
