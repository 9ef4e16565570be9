package dialect

import (
	"fmt"

	"achuan/internal/jsonval"
)

// MaxSchemaSize bounds the text of one schema, and MaxSchemasSize that of all schemas of
// a request, in bytes. The platform takes texts of some ten thousand characters.
const (
	MaxSchemaSize  = 256 << 10
	MaxSchemasSize = 2 << 20
)

// CheckSchema checks what every schema must be: an object of a bounded size. A strict one
// must also follow OpenAI's rules.
func (b *Builder) CheckSchema(v jsonval.Value, strict bool) *jsonval.Fault {
	if v.Kind() != jsonval.Object {
		return jsonval.WrongType("a JSON Schema, an object", v)
	}
	if len(v) > MaxSchemaSize {
		return jsonval.Invalid(fmt.Sprintf("a JSON Schema may have %d KiB at most, but this one has %d", MaxSchemaSize>>10, len(v)>>10))
	}
	if b.schemaBytes += len(v); b.schemaBytes > MaxSchemasSize {
		return jsonval.Invalid(fmt.Sprintf("all JSON Schemas of a request may have %d KiB at most, and with this one they have more", MaxSchemasSize>>10))
	}
	if !strict {
		return nil
	}
	if problem := checkStrictSchema(v); problem != "" {
		return jsonval.Invalid("a strict schema " + problem)
	}
	return nil
}
