package emulate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// For small values, the walker and the library have the same verdict on random schemas of every
// draft.
func TestWalkerAgreesWithLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := anySchema(3).Draw(t, "schema")
		if draft := rapid.SampledFrom(drafts).Draw(t, "draft"); draft != "" {
			schema["$schema"] = draft
		}
		schema["$defs"] = map[string]any{"a": anySchema(2).Draw(t, "a"), "b": anySchema(1).Draw(t, "b")}
		text, err := json.Marshal(schema)
		if err != nil {
			t.Fatal(err)
		}
		form, err := compileSchema(text)
		if err != nil {
			t.Skip(err)
		}
		for range 5 {
			compareWithLibrary(t, form, string(text), anyValue(3).Draw(t, "value"))
		}
	})
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func compareWithLibrary(t failer, form *compiledSchema, text string, value any) {
	t.Helper()
	want := verdictValid
	libraryErr := form.root.Validate(value)
	if libraryErr != nil {
		want = verdictInvalid
	}
	got, _ := form.validate(value, 0)
	if got != want {
		t.Fatalf("verdict of %v under %s = %v, want %v: %v", value, text, got, want, libraryErr)
	}
	again, found := form.validate(value, maxFound)
	if again != want || (want == verdictInvalid) != (len(found) > 0) {
		t.Fatalf("verdict of %v under %s = %v with %d findings, want %v", value, text, again, len(found), want)
	}
	for _, f := range found {
		if words := f.describe(); words == "" || strings.Contains(words, schemaLocation) {
			t.Fatalf("describe() of %v under %s = %q, want words without the internal URL", value, text, words)
		}
	}
}

var drafts = []string{
	"", "", "", "https://json-schema.org/draft/2020-12/schema", "https://json-schema.org/draft/2019-09/schema",
	"http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-04/schema#",
}

// number is a parsed JSON number.
func number(s string) json.Number { return json.Number(s) }

// anyValue generates a JSON value with few different keys and texts, so that schemas apply.
func anyValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		n := 5
		if depth > 0 {
			n = 7
		}
		switch rapid.IntRange(0, n).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2, 3:
			return number(rapid.SampledFrom([]string{"0", "1", "1.0", "-1", "2.5", "10", "1e2", "100"}).Draw(t, "number"))
		case 4, 5:
			return rapid.SampledFrom([]string{"", "a", "b", "ab", "é", "aaaa", "2026-01-01"}).Draw(t, "text")
		case 6:
			return rapid.SliceOfN(anyValue(depth-1), 0, 4).Draw(t, "list")
		default:
			return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "ab", "c"}), anyValue(depth-1), 0, 4).Draw(t, "object")
		}
	})
}

// anySchema generates a schema with some keywords, most of them valid in every draft.
func anySchema(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		schema := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "keywords") {
			addKeyword(t, schema, depth)
		}
		return schema
	})
}

func addKeyword(t *rapid.T, schema map[string]any, depth int) {
	small := rapid.IntRange(0, 3).Draw(t, "small")
	name := rapid.SampledFrom([]string{"a", "b", "ab"})
	simple := []func(){
		func() {
			schema["type"] = rapid.SampledFrom([]any{"object", "array", "string", "integer", []any{"number", "null"}}).Draw(t, "type")
		},
		func() { schema["enum"] = rapid.SliceOfN(anyValue(1), 1, 3).Draw(t, "enum") },
		func() { schema["const"] = anyValue(1).Draw(t, "const") },
		func() { schema["minimum"], schema["maximum"] = small-1, small+2 },
		func() { schema["multipleOf"] = 0.5 + float64(small) },
		func() { schema["minLength"], schema["maxLength"] = small, small+1 },
		func() {
			schema["pattern"] = rapid.SampledFrom([]string{"^a", "b$", "a{2}", "(?!x)"}).Draw(t, "pattern")
		},
		func() { schema["minItems"], schema["maxItems"] = small-small/2, small+1 },
		func() { schema["uniqueItems"] = true },
		func() { schema["required"] = rapid.SliceOfNDistinct(name, 1, 2, rapid.ID[string]).Draw(t, "required") },
		func() { schema["minProperties"], schema["maxProperties"] = small/2, small+1 },
		func() { schema["dependentRequired"] = map[string]any{name.Draw(t, "if"): []any{name.Draw(t, "then")}} },
		func() { schema["$ref"] = rapid.SampledFrom([]string{"#/$defs/a", "#/$defs/b", "#"}).Draw(t, "ref") },
		func() { schema["format"] = "date" },
	}
	if depth == 0 {
		simple[rapid.IntRange(0, len(simple)-1).Draw(t, "keyword")]()
		return
	}
	sub := func() any {
		if rapid.IntRange(0, 5).Draw(t, "boolean") == 0 {
			return rapid.Bool().Draw(t, "boolean schema")
		}
		return anySchema(depth-1).Draw(t, "schema")
	}
	list := func() any { return []any{sub(), sub()} }
	deep := []func(){
		func() { schema["properties"] = map[string]any{name.Draw(t, "p"): sub(), name.Draw(t, "q"): sub()} },
		func() { schema["patternProperties"] = map[string]any{"^a": sub()} },
		func() { schema["additionalProperties"] = sub() },
		func() { schema["propertyNames"] = sub() },
		func() { schema["dependentSchemas"] = map[string]any{name.Draw(t, "if"): sub()} },
		func() { schema["dependencies"] = map[string]any{name.Draw(t, "if"): sub()} },
		func() { schema["unevaluatedProperties"] = sub() },
		func() { schema["unevaluatedItems"] = sub() },
		func() { schema["items"] = sub() },
		func() { schema["prefixItems"] = list() },
		func() { schema["items"], schema["additionalItems"] = list(), sub() },
		func() { schema["contains"] = sub() },
		func() { schema["contains"], schema["minContains"], schema["maxContains"] = sub(), small, small+1 },
		func() { schema["allOf"] = list() },
		func() { schema["anyOf"] = list() },
		func() { schema["oneOf"] = list() },
		func() { schema["not"] = sub() },
		func() { schema["if"], schema["then"], schema["else"] = sub(), sub(), sub() },
	}
	all := append(simple, deep...)
	all[rapid.IntRange(0, len(all)-1).Draw(t, "keyword")]()
}

// The walker checks a value in bounded time, whatever multiplies.
func TestWalkerIsBounded(t *testing.T) {
	items := func(n int, item string) string { return "[" + strings.Repeat(item+",", n-1) + item + "]" }
	names := make([]string, 5000)
	for i := range names {
		names[i] = fmt.Sprintf(`"n%d"`, i)
	}
	for _, tt := range []struct{ name, schema, value, want string }{
		{"a million invalid items", `{"items": {"type": "string"}}`, items(1_400_000, "1"), "at /0: got number, want string"},
		{"a million alternatives that fail", `{"items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}`, items(700_000, "1"), "at /0: got number, want null"},
		{"a long enum", `{"items": {"enum": [` + strings.Join(names, ",") + `]}}`, items(300_000, `"n4999"`), ""},
		{"an enum that nothing is in", `{"items": {"enum": [` + strings.Join(names, ",") + `]}}`, items(300_000, `"m"`), "at /0: value must be one of 'n0', 'n1'"},
		{"a pattern on a long text", `{"pattern": "^(a?){1000}(a?){1000}$"}`, `"` + strings.Repeat("a", 1<<20) + `"`, tooMuchWork},
		{"a pattern on many texts", `{"items": {"pattern": "(x+x+)+y"}}`, items(30_000, `"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"`), "at /0: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' does not match"},
		{"patterns of properties", `{"patternProperties": {"(a?){1000}b": true, "(a?){999}c": true}}`, `{"` + strings.Repeat("a", 1<<20) + `": 1}`, tooMuchWork},
		{"long numbers", `{"items": {"multipleOf": 1e-399}}`, items(100_000, "1.1e399"), tooMuchWork},
		{"items within items that differ", `{"items": {"$ref": "#"}, "uniqueItems": true}`, strings.Repeat("[", 5000) + strings.Repeat("]", 5000), ""},
		{"many additional properties", `{"additionalProperties": false}`, `{` + strings.Repeat(`"a": 1, `, 1000) + `"b": 1}`, "additional properties 'a', 'b' not allowed"},
		{"unevaluated in alternatives", `{"unevaluatedItems": false, "anyOf": [{"items": {"$ref": "#"}}, {"contains": {"$ref": "#"}}]}`, strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40), tooMuchWork},
		{"a schema that is itself", `{"dependentSchemas": {"a": {"$ref": "#"}}}`, `{"a": 1}`, `both`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := getSchema(t, tt.schema).violations(tt.value)
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) == 0 || !strings.Contains(got[0], tt.want)) || len(got) > maxViolations {
				t.Errorf("violations = %q, want %q first", got, tt.want)
			}
		})
	}
}
