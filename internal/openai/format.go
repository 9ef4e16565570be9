package openai

import (
	"fmt"
	"slices"
	"strconv"

	"achuan/internal/chat"
)

// responseFormat reads what the answer's text must be.
func (d *decoder) responseFormat(v value) *fault {
	v, f := v.asObject()
	if f != nil {
		return f
	}
	var typ, jsonSchema, schema value
	for key, v := range v.members() {
		switch string(key) {
		case "type":
			typ = v
		case "json_schema":
			jsonSchema = v
		case "schema":
			schema = v
		default:
			d.unknown("response_format.", key)
		}
	}
	const expected = "one of text, json_object, json_schema"
	if typ.absent() {
		return missing(expected, typ).in("type")
	}
	if typ.kind() != kindString {
		return wrongType("a string", typ).in("type")
	}
	switch kind := chat.FormatKind(typ.bytes()); kind {
	case chat.FormatText:
		return nil
	case chat.FormatObject:
		d.req.Format = chat.Format{Kind: kind}
		return d.objectSchema(schema, jsonSchema)
	case chat.FormatSchema:
		return d.jsonSchema(jsonSchema).in("json_schema")
	default:
		return wrongValue(expected, typ).in("type")
	}
}

// objectSchema reads the schema that other servers' clients put beside the type
// json_object, or under json_schema as if the type were that.
func (d *decoder) objectSchema(schema, jsonSchema value) *fault {
	path := "schema"
	if schema.absent() && jsonSchema.kind() == kindObject {
		schema, path = member(jsonSchema, "schema"), "json_schema.schema"
	}
	if schema.absent() {
		return nil
	}
	if f := d.checkSchema(schema, false); f != nil {
		return f.in(path)
	}
	d.req.Format.Name, d.req.Format.Schema = "answer", slices.Clone(schema)
	d.req.Format.Path = "response_format." + path
	return nil
}

func (d *decoder) jsonSchema(v value) *fault {
	if v.absent() {
		return missing("an object with name and schema", v)
	}
	if v.kind() != kindObject {
		return wrongType("an object with name and schema", v)
	}
	var name, description, schema, strict value
	for key, v := range v.members() {
		switch string(key) {
		case "name":
			name = v
		case "description":
			description = v
		case "schema":
			schema = v
		case "strict":
			strict = v
		default:
			d.unknown("response_format.json_schema.", key)
		}
	}
	format := chat.Format{Kind: chat.FormatSchema, Path: "response_format.json_schema.schema"}
	var f *fault
	if format.Name, f = formatName(name); f != nil {
		return f.in("name")
	}
	if !description.absent() {
		if format.Description, f = description.asString(); f != nil {
			return f.in("description")
		}
	}
	if !strict.absent() {
		if format.Strict, f = strict.asBool(); f != nil {
			return f.in("strict")
		}
	}
	switch {
	case !schema.absent():
		if f := d.checkSchema(schema, format.Strict); f != nil {
			return f.in("schema")
		}
		format.Schema = slices.Clone(schema)
	case format.Strict:
		return missing("a JSON Schema", schema).in("schema")
	}
	d.req.Format = format
	return nil
}

func formatName(v value) (string, *fault) {
	const expected = "a name of 1 to 64 letters, digits, _ and -"
	if v.absent() {
		return "", missing(expected, v)
	}
	name, f := v.asString()
	if f == nil && !isName(name) {
		f = wrongValue(expected, v)
	}
	return name, f
}

// Bounds on the text of one schema, and of all schemas of a request. The platform
// takes texts of some ten thousand characters.
const (
	maxSchemaSize  = 256 << 10
	maxSchemasSize = 2 << 20
)

// checkSchema checks what a schema must be whatever it says: an object of a bounded
// size, and for a strict one, what OpenAI asks of it.
func (d *decoder) checkSchema(v value, strict bool) *fault {
	if v.kind() != kindObject {
		return wrongType("a JSON Schema, an object", v)
	}
	if len(v) > maxSchemaSize {
		detail := fmt.Sprintf("a JSON Schema may have %d KiB at most, but this one has %d", maxSchemaSize>>10, len(v)>>10)
		return &fault{code: chat.CodeInvalidValue, detail: detail}
	}
	if d.schemaBytes += len(v); d.schemaBytes > maxSchemasSize {
		detail := fmt.Sprintf("all JSON Schemas of a request may have %d KiB at most, and with this one they have more", maxSchemasSize>>10)
		return &fault{code: chat.CodeInvalidValue, detail: detail}
	}
	if !strict {
		return nil
	}
	s := strictSchema{}
	if why := s.root(v); why != "" {
		return &fault{code: chat.CodeInvalidValue, detail: "a strict schema " + why}
	}
	return nil
}

// OpenAI's bounds on strict schemas.
const (
	maxStrictDepth      = 10
	maxStrictProperties = 5000
)

// strictSchema checks one strict schema.
type strictSchema struct{ properties int }

// root returns what is wrong, in words that follow "a strict schema".
func (s *strictSchema) root(v value) string {
	if !hasType(member(v, "type"), "object") {
		return `must have "type": "object" at its root`
	}
	return s.check(v, 0)
}

// check looks at a schema and those in it; depth counts the objects around it.
func (s *strictSchema) check(v value, depth int) string {
	if v.kind() != kindObject {
		return ""
	}
	properties := member(v, "properties")
	if hasType(member(v, "type"), "object") || properties.kind() == kindObject {
		if depth++; depth > maxStrictDepth {
			return "may nest " + strconv.Itoa(maxStrictDepth) + " objects deep at most"
		}
		if why := s.object(v, properties); why != "" {
			return why
		}
	}
	for key, inner := range v.members() {
		if why := s.keyword(string(key), inner, depth); why != "" {
			return why
		}
	}
	return ""
}

func (s *strictSchema) keyword(key string, v value, depth int) string {
	switch key {
	case "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties":
		return "may not use " + key
	case "items", "contains", "prefixItems", "additionalItems", "unevaluatedItems", "propertyNames":
		if v.kind() == kindObject {
			return s.check(v, depth)
		}
		fallthrough
	case "anyOf", "oneOf":
		if v.kind() != kindArray {
			return ""
		}
		for _, e := range v.elements() {
			if why := s.check(e, depth); why != "" {
				return why
			}
		}
	case "properties", "$defs", "definitions":
		if v.kind() != kindObject {
			return ""
		}
		if key != "properties" {
			depth = 0
		}
		for _, e := range v.members() {
			if why := s.check(e, depth); why != "" {
				return why
			}
		}
	}
	return ""
}

// object looks at the keywords that every object must have.
func (s *strictSchema) object(v, properties value) string {
	if additional := member(v, "additionalProperties"); string(additional) != "false" {
		return `must have "additionalProperties": false in every object`
	}
	if properties.kind() != kindObject {
		return ""
	}
	required := map[string]bool{}
	if list := member(v, "required"); list.kind() == kindArray {
		for _, e := range list.elements() {
			if e.kind() == kindString {
				required[e.text()] = true
			}
		}
	}
	for key := range properties.members() {
		if s.properties++; s.properties > maxStrictProperties {
			return "may have " + strconv.Itoa(maxStrictProperties) + " properties at most"
		}
		if !required[string(key)] {
			return "must require every property, but not " + strconv.Quote(string(cut(key, maxShown)))
		}
	}
	return ""
}

// member returns the value of an object's key; of a key that stands twice, the last.
func member(v value, name string) (found value) {
	for key, e := range v.members() {
		if string(key) == name {
			found = e
		}
	}
	return found
}

// hasType reports whether the keyword type says, or includes, a type.
func hasType(v value, name string) bool {
	switch v.kind() {
	case kindString:
		return string(v.bytes()) == name
	case kindArray:
		for _, e := range v.elements() {
			if e.kind() == kindString && string(e.bytes()) == name {
				return true
			}
		}
	}
	return false
}
