package emulate

import (
	"encoding/json"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// checkType applies the keywords for values of every type.
func (w *walker) checkType(s *jsonschema.Schema, note *schemaExtra, v any, at *place) bool {
	got := typeOf(v)
	if s.Types != nil && !s.Types.IsEmpty() && !hasTypeOf(*s.Types, got, v) {
		return w.fail(at, &kind.Type{Got: got.name, Want: s.Types.ToStrings()})
	}
	if s.Const != nil && !w.isAmong(v, note.constant) {
		return w.fail(at, &kind.Const{Want: *s.Const})
	}
	if s.Enum != nil && !w.isAmong(v, note.enum) {
		return w.failEnum(s.Enum.Values, at)
	}
	if s.Format != nil && s.DraftVersion < 2019 {
		return w.checkFormat(s.Format, v, at)
	}
	return true
}

// maxListed limits how many values or names a finding lists.
const maxListed = 50

func (w *walker) failEnum(values []any, at *place) bool {
	if len(values) <= maxListed {
		return w.fail(at, &kind.Enum{Want: values})
	}
	return w.failWith(at, &kind.Enum{Want: values[:maxListed]}, ", …")
}

// jsonType is a type with the library's name and bit for it.
type jsonType struct {
	name string
	bit  jsonschema.Types
}

var (
	typeNull    = newType("null")
	typeBoolean = newType("boolean")
	typeNumber  = newType("number")
	typeInteger = newType("integer")
	typeString  = newType("string")
	typeArray   = newType("array")
	typeObject  = newType("object")
)

func newType(name string) jsonType {
	var bit jsonschema.Types
	bit.Add(name)
	return jsonType{name, bit}
}

func typeOf(v any) jsonType {
	switch v.(type) {
	case nil:
		return typeNull
	case bool:
		return typeBoolean
	case json.Number:
		return typeNumber
	case string:
		return typeString
	case []any:
		return typeArray
	default:
		return typeObject
	}
}

// hasTypeOf reports whether types contains the type of v, which is got.
func hasTypeOf(types jsonschema.Types, got jsonType, v any) bool {
	if types&got.bit != 0 {
		return true
	}
	n, ok := v.(json.Number)
	return ok && types&typeInteger.bit != 0 && isInteger(n)
}
