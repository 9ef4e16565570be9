package emulate

import (
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaExtra is what a walker needs to know of a schema beyond the library's form.
type schemaExtra struct {
	isNullable bool                // OpenAPI's nullable: null is always valid
	enum       map[string]struct{} // keys of the values, see writeValueKey
	constant   map[string]struct{} // key of the only value
}

// compiledSchema is the form of a schema that values are checked against.
type compiledSchema struct {
	root   *jsonschema.Schema
	extras map[*jsonschema.Schema]*schemaExtra
	schemaCost
}

// The measured bytes of compiled forms: of a schema, and of a byte of text in its values.
const (
	schemaSize   = 900
	textByteSize = 8
)

// newCompiledSchema collects what a walker needs, and estimates the weight of the compiled form.
func newCompiledSchema(root *jsonschema.Schema, d *document, p *patterns) *compiledSchema {
	c := &compiledSchema{root: root, extras: map[*jsonschema.Schema]*schemaExtra{}}
	c.weight, c.work = p.size, d.compileWork()
	todo, known := []*jsonschema.Schema{root}, map[*jsonschema.Schema]bool{root: true}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		c.weight += schemaSize
		if note := d.extraOf(s); note != nil {
			c.extras[s] = note
		}
		for _, sub := range subschemas(s) {
			if sub != nil && !known[sub] {
				known[sub] = true
				todo = append(todo, sub)
			}
		}
	}
	return c
}

// extraOf returns the extra of a schema, or nil if it needs none.
func (d *document) extraOf(s *jsonschema.Schema) *schemaExtra {
	var note schemaExtra
	if s.Enum != nil {
		note.enum = valueKeys(s.Enum.Values)
	}
	if s.Const != nil {
		note.constant = valueKeys([]any{*s.Const})
	}
	if d.hasNullable {
		_, pointer, _ := strings.Cut(s.Location, "#")
		m, _ := d.resolve("#" + pointer).(map[string]any)
		note.isNullable, _ = m["nullable"].(bool)
	}
	if note.enum == nil && note.constant == nil && !note.isNullable {
		return nil
	}
	return &note
}

func valueKeys(values []any) map[string]struct{} {
	keys := make(map[string]struct{}, len(values))
	for _, v := range values {
		var b strings.Builder
		writeValueKey(&b, v)
		keys[b.String()] = struct{}{}
	}
	return keys
}

// subschemas returns the schemas that a schema applies. Some may be nil.
func subschemas(s *jsonschema.Schema) []*jsonschema.Schema {
	list := []*jsonschema.Schema{
		s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else, s.PropertyNames, s.UnevaluatedProperties,
		s.Contains, s.Items2020, s.UnevaluatedItems,
	}
	if s.DynamicRef != nil {
		list = append(list, s.DynamicRef.Ref)
	}
	list = slices.Concat(list, s.AllOf, s.AnyOf, s.OneOf, s.PrefixItems)
	list = slices.AppendSeq(list, maps.Values(s.Properties))
	list = slices.AppendSeq(list, maps.Values(s.PatternProperties))
	list = slices.AppendSeq(list, maps.Values(s.DependentSchemas))
	rest := []any{s.AdditionalProperties, s.Items, s.AdditionalItems}
	rest = slices.AppendSeq(rest, maps.Values(s.Dependencies))
	for _, v := range rest {
		switch v := v.(type) {
		case *jsonschema.Schema:
			list = append(list, v)
		case []*jsonschema.Schema:
			list = append(list, v...)
		}
	}
	return list
}

// writeValueKey writes a text that is the same for equal JSON values and differs for others. 1 and
// 1.0 are equal, and so are objects whose keys have another order.
func writeValueKey(b *strings.Builder, v any) {
	switch v := v.(type) {
	case nil:
		b.WriteByte('n')
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case string:
		b.WriteByte('"')
		b.WriteString(strconv.Itoa(len(v)))
		b.WriteByte(':')
		b.WriteString(v)
	case json.Number:
		b.WriteByte('#')
		b.WriteString(canonicalNumber(v))
	case []any:
		b.WriteByte('[')
		for _, e := range v {
			writeValueKey(b, e)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for _, key := range slices.Sorted(maps.Keys(v)) {
			writeValueKey(b, key)
			writeValueKey(b, v[key])
		}
		b.WriteByte('}')
	}
}

// canonicalNumber returns the same text for equal numbers.
func canonicalNumber(n json.Number) string {
	text := string(n)
	if !strings.ContainsAny(text, ".eE-") {
		return text
	}
	if x, ok := new(big.Rat).SetString(text); ok {
		return x.RatString()
	}
	return text
}
