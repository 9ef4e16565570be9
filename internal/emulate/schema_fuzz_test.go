package emulate

import (
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Whatever a client sends as a schema compiles or is refused with words for the client,
// and the walk agrees with the library where the library comes to an end.
func FuzzSchema(f *testing.F) {
	for _, schema := range []string{
		`{"type": "object", "properties": {"a": {"$ref": "#/$defs/s", "nullable": true}}, "$defs": {"s": {"type": "string", "pattern": "^(a?){30}$"}}}`,
		`{"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 0, "exclusiveMinimum": true, "items": [{}, false]}`,
		`{"items": [{"type": "string"}], "additionalItems": {"enum": [1, 1.0, {"a": [null]}]}, "uniqueItems": true}`,
		`{"anyOf": [{"items": {"$ref": "#"}}, {"contains": {"$dynamicRef": "#x"}}], "$dynamicAnchor": "x", "unevaluatedItems": false}`,
		`{"dependentSchemas": {"a": {"$ref": "#"}}, "patternProperties": {"^a": {"multipleOf": 1e-5}}, "unevaluatedProperties": {"not": {}}}`,
		`{"$recursiveRef": "#", "$schema": "https://json-schema.org/draft/2019-09/schema", "if": true, "then": {"const": null}}`,
	} {
		for _, value := range []string{`{"a": 1, "ab": 2.5}`, `[[], [1, 1.0], "a"]`, `null`, `1e3`} {
			f.Add(schema, value)
		}
	}
	f.Fuzz(func(t *testing.T, schema, text string) {
		if len(schema) > 2000 || len(text) > 500 {
			return
		}
		form, err := compileSchema([]byte(schema))
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), schemaLocation) {
				t.Errorf("compileSchema(%q) = %q, want an error without the internal URL", schema, err)
			}
			return
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil || checkNumbers(value) != nil {
			return
		}
		if got := form.violations(value); len(got) > maxViolations {
			t.Errorf("violations of %q under %q = %d, want at most %d", text, schema, len(got), maxViolations)
		}
		w := walker{extras: form.extras, stepsLeft: 20_000}
		w.apply(form.root, value, nil, nil, nil)
		if w.isSpent || strings.Contains(strings.ToLower(schema), "nullable") || strings.Contains(schema, "format") {
			return // the library does not know these, or may not end
		}
		compareWithLibrary(t, form, schema, value)
	})
}
