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

// schemaExtra is what the walk has to know of a schema beside its compiled form.
type schemaExtra struct {
	isNullable bool                // OpenAPI's nullable: null is valid, whatever else it says
	enum       map[string]struct{} // keys of the values
	constant   map[string]struct{} // key of the value
}

// compiledSchema is a schema in the form that values are held to.
type compiledSchema struct {
	root   *jsonschema.Schema
	extras map[*jsonschema.Schema]*schemaExtra
	schemaCost
}

// What compiled forms take, measured: a schema, and a byte of the text of values.
const (
	schemaSize   = 900
	textByteSize = 8
)

// newCompiledSchema notes what the walk has to know, and weighs the compiled form.
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

// extraOf returns what there is to know of a schema; nil for nothing.
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

// subschemas are the schemas that a schema applies; some may be nil.
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

// writeValueKey writes a text that is the same for equal JSON values, and for no others: 1
// and 1.0 are equal, and so are objects in another order.
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

// canonicalNumber writes equal numbers alike.
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
