package emulate

import (
	"fmt"
	"strings"
	"testing"
)

// Schemas in the forms of older drafts and of OpenAPI have the meaning that they have there.
func TestSchemaModernize(t *testing.T) {
	for _, tt := range []struct {
		name, schema    string
		accept, refused []string // values
	}{
		{
			"nullable", `{"type": "object", "properties": {"a": {"type": "string", "nullable": true}}}`,
			[]string{`{"a": null}`, `{"a": "x"}`}, []string{`{"a": 1}`},
		},
		{"nullable enum", `{"type": "string", "enum": ["a"], "nullable": true}`, []string{`null`, `"a"`}, []string{`"b"`}},
		{
			"nullable reference", `{"properties": {"a": {"$ref": "#/$defs/s", "nullable": true}}, "$defs": {"s": {"type": "string"}}}`,
			[]string{`{"a": null}`, `{"a": "x"}`}, []string{`{"a": 1}`},
		},
		{
			"nullable allOf, as FastAPI writes it", `{"properties": {"a~b/c é": {"allOf": [{"$ref": "#/components/schemas/S"}], "nullable": true}}, "components": {"schemas": {"S": {"type": "integer"}}}}`,
			[]string{`{"a~b/c é": null}`, `{"a~b/c é": 1}`}, []string{`{"a~b/c é": "x"}`},
		},
		{
			"nullable in draft 7", `{"$schema": "http://json-schema.org/draft-07/schema#", "items": {"$ref": "#/definitions/s", "nullable": true}, "definitions": {"s": {"type": "string"}}}`,
			[]string{`[null, "a"]`}, []string{`[1]`},
		},
		{"not nullable", `{"type": "string", "nullable": false}`, []string{`"a"`}, []string{`null`}},
		{
			"a property called nullable", `{"properties": {"nullable": {"type": "boolean"}}, "additionalProperties": false}`,
			[]string{`{"nullable": true}`}, []string{`{"nullable": null}`},
		},
		{"$schema of OpenAPI 3.1", `{"$schema": "https://spec.openapis.org/oas/3.1/dialect/base", "type": "string"}`, []string{`"a"`}, []string{`1`}},
		{"$schema empty", `{"$schema": "", "type": "string"}`, []string{`"a"`}, []string{`1`}},
		{"$schema null", `{"$schema": null, "type": "string"}`, []string{`"a"`}, []string{`1`}},
		{"$schema without draft", `{"$schema": "http://json-schema.org/schema#", "type": "string"}`, []string{`"a"`}, []string{`1`}},
		{"$schema of a part", `{"properties": {"a": {"$schema": "https://example.com/x", "type": "string"}}}`, []string{`{"a": "x"}`}, []string{`{"a": 1}`}},
		{"exclusive minimum of draft 4", `{"minimum": 0, "exclusiveMinimum": true}`, []string{`1`}, []string{`0`, `-1`}},
		{"exclusive maximum of draft 4", `{"properties": {"a": {"maximum": 5, "exclusiveMaximum": true}}}`, []string{`{"a": 4}`}, []string{`{"a": 5}`}},
		{"not exclusive", `{"minimum": 0, "exclusiveMinimum": false}`, []string{`0`}, []string{`-1`}},
		{"exclusive without a bound", `{"type": "number", "exclusiveMinimum": true}`, []string{`0`}, []string{`"a"`}},
		{"exclusive in draft 4", `{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 0, "exclusiveMinimum": true}`, []string{`1`}, []string{`0`}},
		{"exclusive of draft 4 in draft 7", `{"$schema": "http://json-schema.org/draft-07/schema#", "minimum": 0, "exclusiveMinimum": true}`, []string{`1`}, []string{`0`}},
		{
			"definitions", `{"properties": {"a": {"$ref": "#/definitions/s"}}, "definitions": {"s": {"type": "string"}}}`,
			[]string{`{"a": "x"}`}, []string{`{"a": 1}`},
		},
		{
			"list of items", `{"items": [{"type": "string"}, {"type": "integer"}], "additionalItems": false}`,
			[]string{`["a", 1]`, `["a"]`}, []string{`[1]`, `["a", 1, 2]`},
		},
		{
			"list of items inside", `{"properties": {"a": {"items": [{"type": "string"}], "additionalItems": {"type": "null"}}}, "$defs": {"x": {"type": "string"}}}`,
			[]string{`{"a": ["x", null]}`}, []string{`{"a": ["x", 1]}`},
		},
		{
			"list of items in the wrong draft", `{"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{"type": "string"}]}`,
			[]string{`["a", 1]`}, []string{`[1]`},
		},
		{
			"reference into a list of items", `{"items": [{"type": "string"}, {"$ref": "#/items/0"}]}`,
			[]string{`["a", "b"]`}, []string{`["a", 1]`},
		},
		{"dependencies", `{"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}`, []string{`{"a": 1, "b": 1}`, `{"c": 1, "d": 1}`}, []string{`{"a": 1}`, `{"c": 1}`}},
		{
			"anchor of draft 6", `{"properties": {"a": {"$ref": "#s"}}, "definitions": {"s": {"$id": "#s", "type": "string"}}}`,
			[]string{`{"a": "x"}`}, []string{`{"a": 1}`},
		},
		{
			"anchor of draft 4", `{"properties": {"a": {"$ref": "#s"}}, "definitions": {"s": {"id": "#s", "type": "string"}}}`,
			[]string{`{"a": "x"}`}, []string{`{"a": 1}`},
		},
		{
			"anchor in draft 7", `{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "#s"}}, "definitions": {"s": {"$id": "#s", "type": "string"}}}`,
			[]string{`{"a": "x"}`}, []string{`{"a": 1}`},
		},
		{"a property called id", `{"properties": {"id": {"type": "string"}}, "required": ["id"]}`, []string{`{"id": "#x"}`}, []string{`{"id": 1}`}},
		{
			"null is not set", `{"type": "object", "description": null, "title": null, "required": null, "enum": null, "properties": {"a": {"description": null, "items": null, "type": "string", "format": null}}, "additionalProperties": null, "$defs": null}`,
			[]string{`{"a": "x", "b": 1}`}, []string{`{"a": 1}`},
		},
		{"null is data", `{"properties": {"a": {"const": null}, "b": {"enum": [null], "default": null}}}`, []string{`{"a": null, "b": null}`}, []string{`{"a": 1}`, `{"b": 1}`}},
		{"types in capitals", `{"type": "OBJECT", "properties": {"a": {"type": ["STRING", "NULL"]}}}`, []string{`{"a": null}`}, []string{`{"a": 1}`, `[]`}},
		{"empty lists of PHP", `{"type": "object", "properties": [], "$defs": []}`, []string{`{}`}, []string{`[]`}},
		{"no type", `{"properties": {"a": {"type": "string"}}}`, []string{`{"a": "x"}`, `5`}, []string{`{"a": 1}`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := getSchema(t, tt.schema)
			for _, value := range tt.accept {
				checkViolations(t, s, value, nil)
			}
			for _, value := range tt.refused {
				if len(s.violations(value)) == 0 {
					t.Errorf("violations(%s) = none, want some", value)
				}
			}
		})
	}
}

// References into places where no draft has schemas are followed, unless that costs too much.
func TestSchemaOddReferences(t *testing.T) {
	schema := func(n int) string {
		var parts, properties strings.Builder
		for i := range n {
			fmt.Fprintf(&parts, `"S%d": {"type": "string"},`, i)
			fmt.Fprintf(&properties, `"p%d": {"$ref": "#/components/schemas/S%d"},`, i, i)
		}
		return `{"properties": {` + properties.String() + `"z": {}}, "components": {"schemas": {` + parts.String() + `"Z": {}}}}`
	}
	if _, err := compileSchema([]byte(schema(300))); err != nil {
		t.Errorf("compileSchema with 300 references into components = %v, want no error", err)
	}
	if _, err := compileSchema([]byte(schema(2000))); err == nil || !strings.Contains(err.Error(), "$defs") {
		t.Errorf("compileSchema with 2000 references into components = %v, want an error that names $defs", err)
	}
	defs := strings.ReplaceAll(strings.ReplaceAll(schema(2000), "#/components/schemas", "#/$defs"), `"components": {"schemas": {`, `"x": {}, "$defs": {`)
	if _, err := compileSchema([]byte(strings.TrimSuffix(defs, "}"))); err != nil {
		t.Errorf("compileSchema with 2000 references into $defs = %v, want no error", err)
	}
}
