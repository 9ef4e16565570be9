package openai

import (
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// toolChoice reads tool_choice, after tools.
func (d *decoder) toolChoice(v jsonval.Value) *jsonval.Fault {
	switch v.Kind() {
	case jsonval.String:
		return d.toolMode(v)
	case jsonval.Object:
	default:
		return jsonval.WrongType("a string or an object", v)
	}
	var typ, function, allowed, name jsonval.Value
	f := v.ReadFields(nil, "",
		jsonval.Field{Name: "type", Value: &typ},
		jsonval.Field{Name: "function", Value: &function},
		jsonval.Field{Name: "allowed_tools", Value: &allowed},
		jsonval.Field{Name: "name", Value: &name})
	switch {
	case f != nil:
		return f
	case typ.IsAbsent() && !function.IsAbsent():
		return d.allowFunction(chat.ToolsRequired, function)
	case typ.IsAbsent():
		return jsonval.Missing(`"function" or "allowed_tools"`, typ).In("type")
	case typ.Kind() != jsonval.String:
		return jsonval.WrongType("a string", typ).In("type")
	}
	switch string(typ.Bytes()) {
	case "function":
		if function.IsAbsent() && !name.IsAbsent() { // as in the Responses API
			function = v
		}
		return d.allowFunction(chat.ToolsRequired, function)
	case "allowed_tools":
		mode, tools, f := readAllowedTools(allowed)
		if f != nil {
			return f.In("allowed_tools")
		}
		return d.allowFunctions(mode, tools)
	case "custom":
		return jsonval.Unsupported("custom tools cannot be offered to the model").In("type")
	default:
		return jsonval.WrongValue(`"function" or "allowed_tools"`, typ).In("type")
	}
}

// isNone reports whether a tool choice, any value, forbids every call.
func isNone(choice jsonval.Value) bool {
	return choice.Kind() == jsonval.String && string(choice.Bytes()) == string(chat.ToolsNone)
}

func (d *decoder) toolMode(v jsonval.Value) *jsonval.Fault {
	switch mode := chat.ToolMode(v.Bytes()); mode {
	case chat.ToolsRequired:
		if len(d.req.Tools) == 0 {
			return jsonval.Invalid("a tool must be called, but there are no tools")
		}
		fallthrough
	case chat.ToolsNone, chat.ToolsAuto:
		d.req.ToolChoice = chat.ToolChoice{Mode: mode}
		return nil
	default:
		return jsonval.WrongValue("one of none, auto, required or an object", v)
	}
}

// allowFunction adds the function that v names to the allowed tools.
func (d *decoder) allowFunction(mode chat.ToolMode, v jsonval.Value) *jsonval.Fault {
	const expected = "an object with the name of a function"
	f := v.CheckObject(expected)
	var value jsonval.Value
	var name string
	if f == nil {
		f = v.ReadFields(nil, "", jsonval.Field{Name: "name", Required: "the name of a function", Value: &value, Text: &name})
	}
	if f != nil {
		return f.In("function")
	}
	if !d.Allow(mode, name) {
		return jsonval.WrongValue("the name of a tool of this request", value)
	}
	return nil
}

// readAllowedTools reads the list of tools that the model may call, and whether it must
// call one.
func readAllowedTools(v jsonval.Value) (mode chat.ToolMode, tools jsonval.Value, f *jsonval.Fault) {
	if v.Kind() != jsonval.Object {
		return "", nil, jsonval.Missing("an object with mode and tools", v)
	}
	mode = chat.ToolsAuto
	readMode := func(v jsonval.Value) *jsonval.Fault {
		if v.Kind() != jsonval.String || string(v.Bytes()) != "auto" && string(v.Bytes()) != "required" {
			return jsonval.WrongValue("auto or required", v)
		}
		mode = chat.ToolMode(v.Bytes())
		return nil
	}
	readTools := func(v jsonval.Value) *jsonval.Fault {
		switch tools = v; {
		case v.Kind() != jsonval.Array:
			return jsonval.WrongType("an array of tools", v)
		case v.IsEmpty():
			return jsonval.Invalid("expected at least one tool, but got an empty array")
		}
		return nil
	}
	f = v.ReadFields(nil, "",
		jsonval.Field{Name: "mode", Read: readMode},
		jsonval.Field{Name: "tools", Required: "an array of tools", Read: readTools})
	return mode, tools, f
}

// allowFunctions adds the functions of allowed_tools.tools to the allowed tools.
func (d *decoder) allowFunctions(mode chat.ToolMode, tools jsonval.Value) *jsonval.Fault {
	const path = "allowed_tools.tools"
	for i, e := range tools.Elements() {
		if i == dialect.MaxTools {
			return jsonval.TooMany(dialect.MaxTools, "tools").In(path)
		}
		function, _, f := d.toolFunction(e)
		if f != nil {
			return f.At(i).In(path)
		}
		if f := d.allowFunction(mode, function); f != nil {
			if f.Path == "" { // an unknown name is a fault of the choice as a whole
				return f
			}
			return f.At(i).In(path)
		}
	}
	return nil
}

// functionCall reads the older form of tool_choice.
func (d *decoder) functionCall(v jsonval.Value) *jsonval.Fault {
	switch v.Kind() {
	case jsonval.String:
		switch mode := chat.ToolMode(v.Bytes()); mode {
		case chat.ToolsNone, chat.ToolsAuto:
			if d.req.LegacyCalls {
				d.req.ToolChoice = chat.ToolChoice{Mode: mode}
			}
			return nil
		}
		return jsonval.WrongValue("one of none, auto or an object", v)
	case jsonval.Object:
		f := d.allowFunction(chat.ToolsRequired, v)
		if f != nil {
			f.Path = strings.TrimPrefix(strings.TrimPrefix(f.Path, "function"), ".")
		}
		return f
	default:
		return jsonval.WrongType("a string or an object", v)
	}
}

func (d *decoder) parallelCalls(v jsonval.Value) *jsonval.Fault {
	parallel, f := v.AsBool()
	if f == nil {
		d.req.ParallelCalls = &parallel
	}
	return f
}
