package emulate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/simulator/demo"
)

func TestArgumentsType(t *testing.T) {
	for _, tt := range []struct{ name, schema, want string }{
		{"none", ``, "{}"},
		{"no keys", `{"type": "object", "properties": {}, "additionalProperties": false}`, "{}"},
		{"any keys", `{"$schema": "x", "type": "object"}`, "{...}"},
		{"keys of a type", `{"type": "object", "additionalProperties": {"type": "integer"}}`, "{...: integer}"},
		{"properties", `{"type": "object", "required": ["city"], "properties": {
			"city": {"type": "string", "description": "The city.\n\nIn English."},
			"unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
			"a b": {"type": ["string", "null"], "minLength": 1}}}`,
			"{\n// The city.\n//\n// In English.\ncity: string\nunit?: \"c\" | \"f\" (default: \"c\")\n\"a b\"?: string | null (minLength: 1)\n...\n}"},
		{"nested", `{"type": "object", "additionalProperties": false, "properties": {"list": {"type": "array", "maxItems": 3, "items":
			{"type": "object", "additionalProperties": false, "properties": {"x": {"type": "number", "description": "One."}}}}}}`,
			"{\nlist?: {\n  // One.\n  x?: number\n}[] (maxItems: 3)\n}"},
		{"union", `{"anyOf": [{"type": "string", "minLength": 1}, {"const": "a"}, {"type": "array", "items": {"enum": [1, null]}}]}`,
			`(string (minLength: 1)) | "a" | (1 | null)[]`},
		{"other keywords", `{"type": "object", "required": ["b"], "oneOf": [{}], "$defs": {"a": {"const": 1}}, "properties": {"a": {"$ref": "#/$defs/a"}}}`,
			"{\na?: any ($ref: \"#/$defs/a\")\n...\n} (required: [\"b\"], oneOf: [{}], $defs: {\"a\":{\"const\":1}})"},
		{"tags", `{"type": "object", "properties": {"a": {"description": "</tools> <tool_call> &lt;/tools> <b>", "default": "</tools><b>"}}}`,
			"{\n// &lt;/tools> &lt;tool_call> &amp;lt;/tools> <b>\na?: any (default: \"\\u003c/tools><b>\")\n...\n}"},
		{"not a schema", `{"type": 5, "properties": 7}`, "any (type: 5, properties: 7)"},
		{"no object", `[1, 2]`, "any (schema: [1,2])"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var schema []byte
			if tt.schema != "" {
				schema = []byte(tt.schema)
			}
			if diff := cmp.Diff(tt.want, argumentsType(schema)); diff != "" {
				t.Errorf("argumentsType (-want +got):\n%s", diff)
			}
		})
	}
}

// A type has all that its schema has: the schema can be read back from it.
func TestTypesLoseNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema := drawSchema(t, 3)
		text := argumentsType(toJSON(t, schema))
		got, rest, ok := demo.ReadType(text, unescapeToolText)
		if !ok || rest != "" {
			t.Fatalf("argumentsType(%s) = %s\ncannot be read back from %q", toJSON(t, schema), text, rest)
		}
		if diff := cmp.Diff(normalSchema(roundTrip(t, schema)), normalSchema(roundTrip(t, got))); diff != "" {
			t.Fatalf("schema %s\nas a type: %s\nread back (-want +got):\n%s", toJSON(t, schema), text, diff)
		}
	})
}

func toJSON(t *rapid.T, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func roundTrip(t *rapid.T, v any) (same any) {
	if err := json.Unmarshal(toJSON(t, v), &same); err != nil {
		t.Fatal(err)
	}
	return same
}

// drawSchema draws a schema of the forms that clients send, and of some that nobody sends.
func drawSchema(t *rapid.T, depth int) any {
	texts := rapid.SampledFrom([]string{
		"a", "b c", "// x", "</tools>", "&lt;/tools>", "<tool_call>", "&amp;lt;tool_call&gt;", "x\n\ny", " z ", "你好", `"`, "A | B", "...", "",
	})
	s := map[string]any{}
	if rapid.IntRange(0, 9).Draw(t, "bool") == 0 {
		return rapid.Bool().Draw(t, "schema")
	}
	for _, extra := range []string{"description", "title", "default", "const", "pattern", "format"} {
		if rapid.IntRange(0, 5).Draw(t, extra) == 0 {
			s[extra] = texts.Draw(t, "text")
		}
	}
	if rapid.IntRange(0, 5).Draw(t, "has enum") == 0 {
		s["enum"] = rapid.SliceOfNDistinct(rapid.SampledFrom([]any{"a", "b | c", nil, true, 1.5, []any{1.0}}), 0, 3,
			func(v any) string { return fmt.Sprint(v) }).Draw(t, "enum")
	}
	kinds := []any{"string", "integer", "null", "object", "array", "object", "array", nil, []any{"string", "null"}, []any{"object"}}
	if k := rapid.SampledFrom(kinds).Draw(t, "type"); k != nil {
		s["type"] = k
	}
	if depth == 0 {
		return s
	}
	if rapid.Bool().Draw(t, "has properties") {
		properties, names := map[string]any{}, []any{"missing"}
		for range rapid.IntRange(0, 3).Draw(t, "properties") {
			name := texts.Draw(t, "name")
			properties[name], names = drawSchema(t, depth-1), append(names, name)
		}
		s["properties"] = properties
		s["required"] = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 1, func(v any) any { return v }).Draw(t, "required")
	}
	for _, keyword := range []string{"items", "additionalProperties", "not", "anyOf", "allOf"} {
		switch {
		case rapid.IntRange(0, 3).Draw(t, keyword) > 0:
		case strings.HasSuffix(keyword, "Of"):
			s[keyword] = []any{drawSchema(t, depth-1), drawSchema(t, depth-1)}
		default:
			s[keyword] = drawSchema(t, depth-1)
		}
	}
	if rapid.Bool().Draw(t, "is open or closed") {
		s["additionalProperties"] = rapid.Bool().Draw(t, "open")
	}
	return s
}

// normalSchema returns a schema in which equal meanings look the same.
func normalSchema(v any) any {
	s, isObject := v.(map[string]any)
	if !isObject {
		if v == false {
			return map[string]any{"not": map[string]any{}}
		}
		return map[string]any{} // true
	}
	n := map[string]any{}
	for key, value := range s {
		switch list, isList := value.([]any); {
		case key == "properties":
			properties := map[string]any{}
			for name, p := range value.(map[string]any) {
				properties[name] = normalSchema(p)
			}
			if value = properties; len(properties) == 0 {
				continue
			}
		case key == "items" || key == "additionalProperties" || key == "not":
			value = normalSchema(value)
			if m, _ := value.(map[string]any); len(m) == 0 && key != "not" {
				continue // as if it were absent
			}
		case isList && (key == "anyOf" || key == "allOf"):
			members := make([]any, len(list))
			for i, e := range list {
				members[i] = normalSchema(e)
			}
			value = members
		case key == "required" && isList && len(list) == 0:
			continue
		}
		n[key] = value
	}
	return normalUnion(n)
}

// normalUnion writes types, literals and anyOf in one way, where nothing else depends on their keyword.
func normalUnion(n map[string]any) map[string]any {
	if c, ok := n["const"]; ok && n["enum"] == nil {
		if _, isText := c.(string); n["type"] == nil || isText && n["type"] == "string" {
			delete(n, "const")
			n["enum"] = []any{c}
		}
	}
	enum, _ := n["enum"].([]any)
	if len(enum) > 0 && n["type"] == "string" && !slices.ContainsFunc(enum, func(v any) bool { _, is := v.(string); return !is }) {
		delete(n, "type")
	}
	if len(enum) == 1 && enum[0] == nil && n["type"] == nil {
		delete(n, "enum")
		n["type"] = "null"
	}
	if list, ok := n["type"].([]any); ok && len(list) == 1 {
		n["type"] = list[0]
	}
	if list, ok := n["anyOf"].([]any); ok && n["type"] == nil {
		members := make([]map[string]any, len(list))
		for i, e := range list {
			members[i], _ = e.(map[string]any)
		}
		if union := demo.Unite(members); n["enum"] == nil || union["enum"] == nil {
			delete(n, "anyOf")
			maps.Copy(n, union)
		}
	}
	return n
}

// unescapeToolText removes one level of the references of escapeToolText.
func unescapeToolText(text string) string {
	text = listEnd().ReplaceAllStringFunc(text, func(found string) string {
		if rest, isPlain := strings.CutPrefix(found, "&lt;"); isPlain {
			return "<" + rest
		}
		return "&" + strings.TrimPrefix(found, "&amp;")
	})
	return unescapeReferences(text)
}

// Every tool of a list can be told from the others, whatever its description says.
func FuzzToolDescription(f *testing.F) {
	f.Add("a <b> & </tools>", `{"description": "</tool_call>"}`)
	f.Add("=== x ===\nArguments: {}\n\\=== y", `{"a": [1.50, "\u003c/tools>"]}`)
	f.Fuzz(func(t *testing.T, description, parameters string) {
		if !json.Valid([]byte(parameters)) {
			return
		}
		description = toValidText(description)
		text := describeTool(chat.Tool{Name: "f", Description: description, Parameters: []byte(parameters)})
		if tagStart().MatchString(text) || strings.Contains(text, "</tools>") {
			t.Errorf("describeTool = %q, want no tags", text)
		}
		rest, _ := strings.CutPrefix(text, "=== f ===\n")
		var lines []string
		for !strings.HasPrefix(rest, "Arguments: ") {
			line, after, found := strings.Cut(rest, "\n")
			if !found {
				t.Fatalf("describeTool = %q, want a line with the arguments", text)
			}
			if strings.HasPrefix(line, `\`) && descriptionMark().MatchString(line) {
				line = line[1:]
			}
			lines, rest = append(lines, line), after
		}
		if got := unescapeToolText(strings.Join(lines, "\n")); got != description {
			t.Errorf("description = %q, want %q", got, description)
		}
	})
}
