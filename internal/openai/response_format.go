package openai

import (
	"slices"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// responseFormat reads what the text of the answer must be.
func (d *decoder) responseFormat(v jsonval.Value) *jsonval.Fault {
	const expected = "one of text, json_object, json_schema"
	var kind string
	var typ, jsonSchema, schema jsonval.Value
	f := v.ReadFields(&d.Unknown, "response_format.",
		jsonval.Field{Name: "type", Required: expected, Value: &typ, Text: &kind},
		jsonval.Field{Name: "json_schema", Value: &jsonSchema},
		jsonval.Field{Name: "schema", Value: &schema})
	if f != nil {
		return f
	}
	switch kind := chat.FormatKind(kind); kind {
	case chat.FormatText:
		return nil
	case chat.FormatObject:
		d.req.Format = chat.Format{Kind: kind}
		return d.objectSchema(schema, jsonSchema)
	case chat.FormatSchema:
		return d.jsonSchema(jsonSchema).In("json_schema")
	default:
		return jsonval.WrongValue(expected, typ).In("type")
	}
}

// objectSchema reads the schema that clients of other servers send with the type
// json_object: as schema, or in json_schema as if that were the type.
func (d *decoder) objectSchema(schema, jsonSchema jsonval.Value) *jsonval.Fault {
	path := "schema"
	if schema.IsAbsent() && jsonSchema.Kind() == jsonval.Object {
		schema, path = jsonSchema.Member("schema"), "json_schema.schema"
	}
	if schema.IsAbsent() {
		return nil
	}
	if f := d.CheckSchema(schema, false); f != nil {
		return f.In(path)
	}
	d.req.Format.Name, d.req.Format.Schema = "answer", slices.Clone(schema)
	d.req.Format.Path = "response_format." + path
	return nil
}

func (d *decoder) jsonSchema(v jsonval.Value) *jsonval.Fault {
	const expected, expectedName = "an object with name and schema", "a name of 1 to 64 letters, digits, _ and -"
	if f := v.CheckObject(expected); f != nil {
		return f
	}
	format := chat.Format{Kind: chat.FormatSchema, Path: "response_format.json_schema.schema"}
	var schema jsonval.Value
	readName := func(v jsonval.Value) (f *jsonval.Fault) {
		format.Name, f = v.AsString()
		if f == nil && !dialect.IsName(format.Name) {
			f = jsonval.WrongValue(expectedName, v)
		}
		return f
	}
	f := v.ReadFields(&d.Unknown, "response_format.json_schema.",
		jsonval.Field{Name: "name", Required: expectedName, Read: readName},
		jsonval.Field{Name: "description", Text: &format.Description},
		jsonval.Field{Name: "strict", Bool: &format.Strict},
		jsonval.Field{Name: "schema", Value: &schema})
	switch {
	case f != nil:
		return f
	case !schema.IsAbsent():
		if f := d.CheckSchema(schema, format.Strict); f != nil {
			return f.In("schema")
		}
		format.Schema = slices.Clone(schema)
	case format.Strict:
		return jsonval.Missing("a JSON Schema", schema).In("schema")
	}
	d.req.Format = format
	return nil
}
