package openai

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
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
	f = v.ReadFields(&d.unknown, "tools[].",
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

// maxTools is four times OpenAI's limit, because agents with many tool servers exist.
const maxTools = 512

// addFunction offers a function to the model. path is the beginning of the paths of its
// fields. It skips a function that is already offered in the same words, because clients
// with several tool servers send such lists.
func (d *decoder) addFunction(v jsonval.Value, path string) *jsonval.Fault {
	t := chat.Tool{Path: path + "parameters"}
	var clientName string
	var name, parameters jsonval.Value
	readName := func(v jsonval.Value) (f *jsonval.Fault) {
		clientName, f = v.AsString()
		if f == nil && !isToolName(clientName) {
			f = jsonval.WrongValue(expectedToolName, v)
		}
		return f
	}
	f := v.ReadFields(&d.unknown, "tools[].function.",
		jsonval.Field{Name: "name", Required: expectedToolName, Value: &name, Read: readName},
		jsonval.Field{Name: "description", Text: &t.Description},
		jsonval.Field{Name: "strict", Bool: &t.Strict},
		jsonval.Field{Name: "parameters", Value: &parameters},
		jsonval.Field{Name: "type"}) // of a flat entry
	if f != nil {
		return f
	}
	t.Name = d.modelName(clientName)
	if i, isOffered := d.offered[t.Name]; isOffered {
		if d.isSameTool(i, &t, clientName, parameters) {
			return nil
		}
		return jsonval.Invalid("different functions have the name " + name.Quote()).In("name")
	}
	if len(d.req.Tools) == maxTools {
		return jsonval.TooMany(maxTools, "functions")
	}
	if t.Parameters, f = d.toolParameters(parameters, t.Strict); f != nil {
		return f.In("parameters")
	}
	d.addTool(t)
	return nil
}

const expectedToolName = "a name of 1 to 128 letters, digits, _, -, ., : and /"

// toolParameters reads the schema of a function's arguments. It returns nil for a
// function without arguments.
func (d *decoder) toolParameters(v jsonval.Value, strict bool) ([]byte, *jsonval.Fault) {
	if hasNoParameters(v) {
		return nil, nil
	}
	if f := d.checkSchema(v, strict && !d.forbidsCalls); f != nil {
		return nil, f
	}
	return slices.Clone(v), nil
}

// hasNoParameters reports whether a function takes no arguments. PHP writes {} as [].
func hasNoParameters(v jsonval.Value) bool {
	return v.IsAbsent() || v.Kind() == jsonval.Array && v.IsEmpty()
}

func (d *decoder) addTool(t chat.Tool) {
	if d.offered == nil {
		d.offered = map[string]int{}
	}
	d.offered[t.Name] = len(d.req.Tools)
	d.req.Tools = append(d.req.Tools, t)
}

// isSameTool reports whether t, with those parameters, is the tool at index i.
func (d *decoder) isSameTool(i int, t *chat.Tool, clientName string, parameters jsonval.Value) bool {
	first := &d.req.Tools[i]
	if d.req.clientName(first.Name) != clientName || first.Description != t.Description || first.Strict != t.Strict {
		return false
	}
	if hasNoParameters(parameters) {
		return first.Parameters == nil
	}
	return jsonval.EqualText(first.Parameters, parameters)
}
