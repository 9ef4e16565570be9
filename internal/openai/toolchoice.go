package openai

import (
	"slices"
	"strings"

	"achuan/internal/chat"
)

// toolChoice reads tool_choice, after tools.
func (d *decoder) toolChoice(v value) *fault {
	switch v.kind() {
	case kindString:
		return d.toolMode(v)
	case kindObject:
	default:
		return wrongType("a string or an object", v)
	}
	var typ, function, allowed, name value
	for key, e := range v.members() {
		switch string(key) {
		case "type":
			typ = e
		case "function":
			function = e
		case "allowed_tools":
			allowed = e
		case "name":
			name = e
		}
	}
	if typ.absent() && !function.absent() {
		return d.choose(chat.ToolsRequired, function)
	}
	if typ.absent() {
		return missing(`"function" or "allowed_tools"`, typ).in("type")
	}
	if typ.kind() != kindString {
		return wrongType("a string", typ).in("type")
	}
	switch string(typ.bytes()) {
	case "function":
		if function.absent() && !name.absent() { // as in the Responses API
			function = v
		}
		return d.choose(chat.ToolsRequired, function)
	case "allowed_tools":
		return d.allow(allowed)
	case "custom":
		return unsupported("custom tools cannot be offered to the model").in("type")
	default:
		return wrongValue(`"function" or "allowed_tools"`, typ).in("type")
	}
}

// isNone reports whether a choice, which may be anything, forbids every call.
func isNone(choice value) bool {
	return choice.kind() == kindString && string(choice.bytes()) == string(chat.ToolsNone)
}

func (d *decoder) toolMode(v value) *fault {
	switch mode := chat.ToolMode(v.bytes()); mode {
	case chat.ToolsRequired:
		if len(d.req.Tools) == 0 {
			return &fault{code: chat.CodeInvalidValue, detail: "a tool must be called, but there are no tools"}
		}
		fallthrough
	case chat.ToolsNone, chat.ToolsAuto:
		d.req.ToolChoice = chat.ToolChoice{Mode: mode}
		return nil
	default:
		return wrongValue("one of none, auto, required or an object", v)
	}
}

// choose allows one more function, the one that v names.
func (d *decoder) choose(mode chat.ToolMode, v value) *fault {
	if v.absent() {
		return missing("an object with the name of a function", v).in("function")
	}
	if v.kind() != kindObject {
		return wrongType("an object with the name of a function", v).in("function")
	}
	var name value
	for key, v := range v.members() {
		if string(key) == "name" {
			name = v
		}
	}
	if name.absent() {
		return missing("the name of a function", name).in("function.name")
	}
	text, f := name.asString()
	if f != nil {
		return f.in("function.name")
	}
	text = modelName(text)
	if _, offered := d.offered[text]; !offered {
		return wrongValue("the name of a tool of this request", name)
	}
	d.req.ToolChoice.Mode = mode
	if !slices.Contains(d.req.ToolChoice.Allowed, text) {
		d.req.ToolChoice.Allowed = append(d.req.ToolChoice.Allowed, text)
	}
	return nil
}

// allow reads the tools that may be called and whether one must be.
func (d *decoder) allow(v value) *fault {
	if v.kind() != kindObject {
		return missing("an object with mode and tools", v).in("allowed_tools")
	}
	mode, tools := chat.ToolsAuto, value(nil)
	for key, v := range v.members() {
		switch string(key) {
		case "mode":
			if v.kind() != kindString || string(v.bytes()) != "auto" && string(v.bytes()) != "required" {
				return wrongValue("auto or required", v).in("allowed_tools.mode")
			}
			mode = chat.ToolMode(v.bytes())
		case "tools":
			tools = v
		}
	}
	switch {
	case tools.absent():
		return missing("an array of tools", tools).in("allowed_tools.tools")
	case tools.kind() != kindArray:
		return wrongType("an array of tools", tools).in("allowed_tools.tools")
	case tools.empty():
		f := &fault{code: chat.CodeInvalidValue, detail: "expected at least one tool, but got an empty array"}
		return f.in("allowed_tools.tools")
	}
	for i, e := range tools.elements() {
		if i == maxTools {
			return tooMany(maxTools, "tools").in("allowed_tools.tools")
		}
		function, _, f := d.toolFunction(e)
		if f != nil {
			return f.at(i).in("allowed_tools.tools")
		}
		if f := d.choose(mode, function); f != nil {
			if f.path == "" { // an unknown name: a fault of the choice as a whole
				return f
			}
			return f.at(i).in("allowed_tools.tools")
		}
	}
	return nil
}

// functionCall is tool_choice of the time before tools had types.
func (d *decoder) functionCall(v value) *fault {
	switch v.kind() {
	case kindString:
		switch mode := chat.ToolMode(v.bytes()); mode {
		case chat.ToolsNone, chat.ToolsAuto:
			if d.req.LegacyCalls {
				d.req.ToolChoice = chat.ToolChoice{Mode: mode}
			}
			return nil
		}
		return wrongValue("one of none, auto or an object", v)
	case kindObject:
		f := d.choose(chat.ToolsRequired, v)
		if f != nil {
			f.path = strings.TrimPrefix(strings.TrimPrefix(f.path, "function"), ".")
		}
		return f
	default:
		return wrongType("a string or an object", v)
	}
}

func (d *decoder) parallelCalls(v value) *fault {
	parallel, f := v.asBool()
	if f == nil {
		d.req.ParallelCalls = &parallel
	}
	return f
}
