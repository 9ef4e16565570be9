package emulate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchemaRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"type": "string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	deep := `{"type": "object"}`
	for range maxSchemaDepth {
		deep = `{"items": ` + deep + `}`
	}
	doubling := `{"$ref": "#/$defs/d0", "$defs": {"d30": {}`
	for i := range 30 {
		doubling += fmt.Sprintf(`, "d%d": {"allOf": [{"$ref": "#/$defs/d%d"}, {"$ref": "#/$defs/d%d"}]}`, i, i+1, i+1)
	}
	anchored := `{"$ref": "#d0", "$defs": {"d30": {"$anchor": "d30"}`
	for i := range 30 {
		anchored += fmt.Sprintf(`, "d%d": {"$anchor": "d%d", "allOf": [{"$ref": "#d%d"}, {"$ref": "#d%d"}]}`, i, i, i+1, i+1)
	}
	for _, tt := range []struct{ name, schema, why string }{
		{"no schema", `[]`, "must be an object"},
		{"unknown type", `{"type": "strnig"}`, "/type"},
		{"a number for properties", `{"properties": 5}`, "/properties"},
		{"a wrong bound", `{"minimum": "1"}`, "/minimum"},
		{"required is no list", `{"type": "object", "required": true}`, "/required"},
		{"remote reference", `{"$ref": "https://example.com/a.json"}`, "points outside"},
		{"file reference", `{"$ref": "file://` + file + `"}`, "points outside"},
		{"relative reference", `{"properties": {"a": {"$ref": "other.json#/a"}}}`, "points outside"},
		{"reference below an id", `{"$id": "https://example.com/", "items": {"$ref": "a.json"}}`, "points outside"},
		{"reference to a known schema", `{"$ref": "https://json-schema.org/draft/2020-12/schema"}`, "points outside"},
		{"dynamic reference", `{"$dynamicRef": "https://example.com/a"}`, "points outside"},
		{"reference behind a property called enum", `{"properties": {"enum": {"$ref": "file://` + file + `"}}}`, "not loaded"},
		{"another metaschema", `{"$schema": "https://example.com/meta"}`, "not loaded"},
		{"reference to nothing", `{"$ref": "#/$defs/a"}`, "$defs"},
		{"too deep", deep, "64 levels"},
		{"too large", `{"description": "` + strings.Repeat("x", maxSchemaSize) + `"}`, "256 KiB"},
		{"doubling references", doubling + `}}`, "multiply"},
		{"a huge number", `{"maximum": 1e999999999}`, "too large"},
		{"an id within, and references", `{"$ref": "#/$defs/a", "$defs": {"a": {"$id": "https://example.com/a", "$ref": "#/$defs/b"}}}`, "$id at its root only"},
		{"doubling by anchors", anchored + `}}`, "multiply"},
		{"doubling by escaped references", strings.ReplaceAll(doubling, "#/$defs", "#/%24defs") + `}}`, "multiply"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewSchemaCache().get(t.Context(), []byte(tt.schema))
			if err == nil || !strings.Contains(err.Error(), tt.why) {
				t.Errorf("get = %v, want an error with %q", err, tt.why)
			}
			if err != nil && (strings.Contains(err.Error(), schemaLocation) || len(err.Error()) > 3000) {
				t.Errorf("get = %v, want a short error without the internal URL", err)
			}
		})
	}
}

// getSchema returns the schema of a text that must compile.
func getSchema(t *testing.T, text string) *schema {
	t.Helper()
	s, err := NewSchemaCache().get(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkViolations(t *testing.T, s *schema, value string, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, s.violations(value)); diff != "" {
		t.Errorf("violations(%.200s) (-want +got):\n%s", value, diff)
	}
}

func TestSchemaViolations(t *testing.T) {
	const tree = `{"type": "object", "required": ["v"], "properties": {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#"}}}}`
	for _, tt := range []struct {
		name, schema, value string
		want                []string
	}{
		{"valid", `{"type": "string"}`, `"x"`, nil},
		{"anything", `{}`, `[1, {"a": null}]`, nil},
		{"type", `{"type": "string"}`, `5`, []string{"got number, want string"}},
		{"recursive and valid", tree, `{"v": 1, "kids": [{"v": 2, "kids": []}]}`, nil},
		{"recursive", tree, `{"v": 1, "kids": [{"v": 2}, {"v": "x"}]}`, []string{"at /kids/1/v: got string, want integer"}},
		{"draft 7", `{"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"enum": ["x", "y"]}}, "items": {"$ref": "#/definitions/a"}}`, `["x", "z"]`,
			[]string{"at /1: value must be one of 'x', 'y'"}},
		{"several, in order", `{"required": ["a", "b"], "properties": {"c": {"type": "null"}}}`, `{"c": 1}`,
			[]string{"at /c: got number, want null", "missing properties 'a', 'b'"}},
		{"pattern", `{"pattern": "^[a-z]+$"}`, `"A"`, []string{"'A' does not match pattern '^[a-z]+$'"}},
		{"a pattern that Go has not", `{"pattern": "^(?!a)"}`, `"abc"`, nil},
		{"large integers are exact", `{"maximum": 12345678901234567890}`, `12345678901234567890`, nil},
		{"data that looks like a reference", `{"const": {"$ref": "https://example.com"}}`, `{"$ref": "https://example.com"}`, nil},
		{"a huge number", `{"type": "number"}`, `1e1000000`, []string{"a number is too large or too long"}},
		{"not JSON", `{}`, `{`, []string{"it is not valid JSON"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkViolations(t, getSchema(t, tt.schema), tt.value, tt.want)
		})
	}
}

// A schema that contains itself in several alternatives works for shallow values. A list or a tree
// may be of any depth.
func TestSchemaRecursion(t *testing.T) {
	const tree = `{"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}}`
	const list = `{"anyOf": [{"type": "null"}, {"type": "object", "properties": {"next": {"$ref": "#"}}}]}`
	const terms = `{"anyOf": [
		{"type": "object", "required": ["op"], "properties": {"op": {"const": "add"}, "next": {"$ref": "#"}}},
		{"type": "object", "required": ["op"], "properties": {"op": {"const": "neg"}, "next": {"$ref": "#/anyOf/1"}}}]}`
	const lists = `{"anyOf": [{"type": "array", "items": {"$ref": "#"}}, {"type": "array", "items": {"$ref": "#"}}]}`
	const later = `{"anyOf": [{"type": "string"}, {"type": "array", "items": {"$ref": "#"}}]}`
	const late = `{"anyOf": [{"type": "array", "items": {"$ref": "#"}, "contains": false}, {"type": "array", "items": {"$ref": "#"}}]}`
	chain := `{"items": {"$ref": "#"}, "$ref": "#/$defs/d0", "$defs": {"d100": {"type": "array"}`
	for i := range 100 {
		chain += fmt.Sprintf(`, "d%d": {"$ref": "#/$defs/d%d"}`, i, i+1)
	}
	chain += "}}"
	nested := func(n int, inner string) string { return strings.Repeat(inner, n) + "null" + strings.Repeat("}", n) }
	for _, tt := range []struct {
		name, schema, value string
		want                []string
	}{
		{"tree", tree, strings.Repeat(`{"left": `, 200) + "{}" + strings.Repeat("}", 200), nil},
		{"list", list, nested(200, `{"next": `), nil},
		{"alternatives", terms, strings.Repeat(`{"op": "neg", "next": `, 8) + `{"op": "neg"}` + strings.Repeat("}", 8), nil},
		{"alternatives of arrays, deep", lists, strings.Repeat("[", 2000) + strings.Repeat("]", 2000), nil},
		{"alternatives of arrays that all fail, too deep", lists, strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40), []string{tooMuchWork}},
		{"alternatives of which the first fails, deep", later, strings.Repeat("[", 200) + strings.Repeat("]", 200), nil},
		{"alternatives of which the first fails late, too deep", late, strings.Repeat("[", 60) + strings.Repeat("]", 60), []string{tooMuchWork}},
		{"alternatives that all fail", lists, strings.Repeat("[", 10) + "1" + strings.Repeat("]", 10), []string{"at " + strings.Repeat("/0", 10) + ": got number, want array"}},
		{"alternatives, deep", terms, strings.Repeat(`{"op": "neg", "next": `, 500) + `{"op": "neg"}` + strings.Repeat("}", 500), nil},
		{"nested as deep as the stack allows", tree, strings.Repeat(`{"left": `, 9000) + "{}" + strings.Repeat("}", 9000), nil},
		{"many schemas at each level, too deep", chain, strings.Repeat("[", 9000) + strings.Repeat("]", 9000), []string{tooMuchWork}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkViolations(t, getSchema(t, tt.schema), tt.value, tt.want)
		})
	}
}

// One schema serves several requests at once.
func TestSchemaIsShared(t *testing.T) {
	s := getSchema(t, `{"$ref": "#/$defs/a", "$defs": {"a": {"required": ["x"], "properties": {"x": {"pattern": "^a+$"}}}}}`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				wrong, right := s.violations(`{"x": "b"}`), s.violations(`{"x": "aa"}`)
				if len(wrong) != 1 || len(right) != 0 {
					t.Errorf("violations = %q and %q, want one and none", wrong, right)
				}
			}
		})
	}
	group.Wait()
}

func TestSchemaViolationsAreBounded(t *testing.T) {
	s := getSchema(t, `{"items": {"type": "string", "maxLength": 1}}`)
	got := s.violations(`[1,2,3,4,5,6,7,8,9,10,11,"` + strings.Repeat("x", 5000) + `"]`)
	if size := len(strings.Join(got, "")); len(got) != maxViolations || size > maxViolations*310 {
		t.Errorf("violations = %d with %d bytes, want %d with at most %d: %v", len(got), size, maxViolations, maxViolations*310, got)
	}
	// Of very many violations, the first ones are listed.
	many := s.violations("[" + strings.Repeat("1,", 1_400_000) + "1]")
	if want := "at /16: got number, want string"; len(many) != maxViolations || many[7] != want {
		t.Errorf("violations = %v, want the last to be %s", many, want)
	}
}
