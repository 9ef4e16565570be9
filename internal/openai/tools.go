package openai

import (
	"strconv"

	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Readers of the parameters that offer tools to the model.

func (d *decoder) tools(v jsonval.Value) *jsonval.Fault {
	return v.ReadElements(jsonval.List{Expected: "an array"}, func(i int, e jsonval.Value) *jsonval.Fault {
		function, isFlat, f := d.toolFunction(e)
		path := "tools[" + strconv.Itoa(i) + "]."
		switch {
		case f != nil:
			return f
		case isFlat:
			return d.addFunction(function, path)
		default:
			return d.addFunction(function, path+"function.").In("function")
		}
	})
}

// toolFunction returns the function of an entry of tools. An entry with a function does
// not need a type. A flat entry is the function itself, as in the Responses API.
func (d *decoder) toolFunction(v jsonval.Value) (function jsonval.Value, isFlat bool, f *jsonval.Fault) {
	var typ, name jsonval.Value
	f = v.ReadFields(&d.Unknown, "tools[].",
		jsonval.Field{Name: "type", Value: &typ},
		jsonval.Field{Name: "function", Value: &function},
		jsonval.Field{Name: "name", Value: &name},
		jsonval.Field{Name: "custom"}, // checkToolType refuses it
		// Fields of a flat entry.
		jsonval.Field{Name: "description"}, jsonval.Field{Name: "parameters"}, jsonval.Field{Name: "strict"})
	switch {
	case f != nil:
		return nil, false, f
	case typ.IsAbsent() && !function.IsAbsent():
		return function, false, nil
	}
	if f := checkToolType(typ); f != nil {
		return nil, false, f.In("type")
	}
	switch {
	case !function.IsAbsent():
		return function, false, nil
	case !name.IsAbsent():
		return v, true, nil
	}
	return nil, false, jsonval.Missing("an object", function).In("function")
}

func checkToolType(v jsonval.Value) *jsonval.Fault {
	if v.IsAbsent() {
		return jsonval.Missing(`"function"`, v)
	}
	return checkFunctionType(v, "custom tools cannot be offered to the model; tools of the type function can")
}

// functions reads the older form of tools.
func (d *decoder) functions(v jsonval.Value) *jsonval.Fault {
	if len(d.req.Tools) > 0 && v.Kind() == jsonval.Array && !v.IsEmpty() {
		return jsonval.Invalid("expected tools or functions, but got both")
	}
	return v.ReadElements(jsonval.List{Expected: "an array"}, func(i int, e jsonval.Value) *jsonval.Fault {
		d.req.LegacyCalls = true
		return d.addFunction(e, "functions["+strconv.Itoa(i)+"].")
	})
}

// addFunction offers a function to the model. path is the beginning of the paths of its fields.
func (d *decoder) addFunction(v jsonval.Value, path string) *jsonval.Fault {
	o := dialect.OfferedTool{Path: path + "parameters"}
	readName := func(v jsonval.Value) (f *jsonval.Fault) {
		o.Name, f = v.AsString()
		if f == nil && !dialect.IsToolName(o.Name) {
			f = jsonval.WrongValue(expectedToolName, v)
		}
		return f
	}
	f := v.ReadFields(&d.Unknown, "tools[].function.",
		jsonval.Field{Name: "name", Required: expectedToolName, Read: readName},
		jsonval.Field{Name: "description", Text: &o.Description},
		jsonval.Field{Name: "strict", Bool: &o.Strict},
		jsonval.Field{Name: "parameters", Value: &o.Parameters},
		jsonval.Field{Name: "type"}) // of a flat entry
	if f != nil {
		return f
	}
	field, f := d.AddTool(o)
	if field != "" {
		f = f.In(field)
	}
	return f
}

const expectedToolName = "a name of 1 to 128 letters, digits, _, -, ., : and /"
