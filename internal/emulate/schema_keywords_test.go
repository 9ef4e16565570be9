package emulate

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Each keyword accepts one value and refuses another, as it does in the library. The random schemas of
// TestWalkerAgreesWithLibrary do not reach every keyword in every run.
func TestSchemaKeywords(t *testing.T) {
	for _, tt := range []struct{ schema, valid, invalid string }{
		{`{"type": ["number", "null"]}`, `null`, `"a"`},
		{`{"type": "integer"}`, `2.0`, `2.5`},
		{`{"enum": [1, {"a": [null]}]}`, `{"a": [null]}`, `{"a": []}`},
		{`{"const": [1, "a"]}`, `[1.0, "a"]`, `["a", 1]`},
		{`{"minimum": 2}`, `2`, `1.9`},
		{`{"maximum": 2}`, `2`, `2.1`},
		{`{"exclusiveMinimum": 2}`, `2.1`, `2`},
		{`{"exclusiveMaximum": 2}`, `1.9`, `2`},
		{`{"multipleOf": 0.1}`, `0.3`, `0.35`},
		{`{"minLength": 2}`, `"你好"`, `"你"`},
		{`{"maxLength": 1}`, `"你"`, `"你好"`},
		{`{"pattern": "^a"}`, `"ab"`, `"ba"`},
		{`{"minItems": 1}`, `[1]`, `[]`},
		{`{"maxItems": 1}`, `[1]`, `[1, 2]`},
		{`{"uniqueItems": true}`, `[1, "1"]`, `[1, 1.0]`},
		{`{"items": {"type": "string"}}`, `["a"]`, `["a", 1]`},
		{`{"prefixItems": [{"type": "string"}], "items": false}`, `["a"]`, `["a", 1]`},
		{`{"contains": {"type": "string"}}`, `[1, "a"]`, `[1]`},
		{`{"contains": {"type": "string"}, "minContains": 2}`, `["a", "b"]`, `["a", 1]`},
		{`{"contains": {"type": "string"}, "maxContains": 1}`, `["a", 1]`, `["a", "b"]`},
		{`{"prefixItems": [true], "unevaluatedItems": {"type": "string"}}`, `[1, "a"]`, `[1, 2]`},
		{`{"minProperties": 1}`, `{"a": 1}`, `{}`},
		{`{"maxProperties": 1}`, `{"a": 1}`, `{"a": 1, "b": 1}`},
		{`{"required": ["a"]}`, `{"a": 1}`, `{"b": 1}`},
		{`{"properties": {"a": {"type": "string"}}}`, `{"a": "x"}`, `{"a": 1}`},
		{`{"patternProperties": {"^a": {"type": "string"}}}`, `{"ab": "x", "b": 1}`, `{"ab": 1}`},
		{`{"properties": {"a": true}, "additionalProperties": false}`, `{"a": 1}`, `{"a": 1, "b": 1}`},
		{`{"properties": {"a": true}, "additionalProperties": {"type": "string"}}`, `{"a": 1, "b": "x"}`, `{"b": 1}`},
		{`{"properties": {"a": true}, "unevaluatedProperties": {"type": "string"}}`, `{"a": 1, "b": "x"}`, `{"b": 1}`},
		{`{"propertyNames": {"maxLength": 1}}`, `{"a": 1}`, `{"ab": 1}`},
		{`{"dependentRequired": {"a": ["b"]}}`, `{"a": 1, "b": 1}`, `{"a": 1}`},
		{`{"dependentRequired": {"a": ["b"]}}`, `{"b": 1}`, `{"a": 1, "c": 1}`},
		{`{"dependentSchemas": {"a": {"maxProperties": 1}}}`, `{"a": 1}`, `{"a": 1, "b": 1}`},
		{`{"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}}`, `{"a": 1, "b": 1}`, `{"a": 1}`},
		{`{"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": {"maxProperties": 1}}}`,
			`{"a": 1}`, `{"a": 1, "b": 1}`},
		{`{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 2, "exclusiveMinimum": true}`, `3`, `2`},
		{`{"allOf": [{"minimum": 1}, {"maximum": 2}]}`, `1`, `3`},
		{`{"anyOf": [{"minimum": 3}, {"maximum": 1}]}`, `1`, `2`},
		{`{"oneOf": [{"minimum": 1}, {"maximum": 2}]}`, `3`, `1`},
		{`{"not": {"minimum": 1}}`, `0`, `1`},
		{`{"if": {"minimum": 1}, "then": {"maximum": 2}, "else": {"multipleOf": 2}}`, `2`, `3`},
		{`{"if": {"minimum": 1}, "then": {"maximum": 2}, "else": {"multipleOf": 2}}`, `-2`, `-1`},
	} {
		t.Run(tt.schema, func(t *testing.T) {
			form, err := compileSchema([]byte(tt.schema))
			if err != nil {
				t.Fatal(err)
			}
			for text, want := range map[string]verdict{tt.valid: verdictValid, tt.invalid: verdictInvalid} {
				value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if got, _ := form.validate(value, 0); got != want {
					t.Errorf("validate(%s) = %v, want %v", text, got, want)
				}
				compareWithLibrary(t, form, tt.schema, value)
			}
		})
	}
}

// Formats are checked up to draft 7. Later drafts make them a mere annotation.
func TestSchemaFormats(t *testing.T) {
	for _, tt := range []struct{ format, valid, invalid string }{
		{"date", "2026-01-15", "15.1.2026"},
		{"uuid", "123e4567-e89b-12d3-a456-426614174000", "123"},
		{"regex", "^a+$", "a("},
		{"regex", "a", strings.Repeat("a", maxPatternLength+1)},
	} {
		form, err := compileSchema([]byte(`{"$schema": "http://json-schema.org/draft-07/schema#", "format": "` + tt.format + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]verdict{tt.valid: verdictValid, tt.invalid: verdictInvalid} {
			got, found := form.validate(text, maxFound)
			if got != want || (want == verdictInvalid) != (len(found) > 0) {
				t.Errorf("validate(%.50q) of format %s = %v, %d findings, want %v", text, tt.format, got, len(found), want)
			}
		}
	}
}
