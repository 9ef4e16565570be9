package openai

import (
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
)

// Readers of the parameters that offer tools to the model.

func (d *decoder) tools(v value) *fault {
	if v.kind() != kindArray {
		return wrongType("an array", v)
	}
	for i, e := range v.elements() {
		function, f := d.toolFunction(e)
		if f == nil {
			f = d.offer(function, "tools["+strconv.Itoa(i)+"].function.").in("function")
		}
		if f != nil {
			return f.at(i)
		}
	}
	return nil
}

// toolFunction returns what an entry of tools says of its function.
func (d *decoder) toolFunction(v value) (function value, f *fault) {
	if v.kind() != kindObject {
		return nil, wrongType("an object", v)
	}
	var typ value
	for key, v := range v.members() {
		switch string(key) {
		case "type":
			typ = v
		case "function":
			function = v
		case "custom": // refused by type
		default:
			d.unknown("tools[].", key)
		}
	}
	if f := toolType(typ); f != nil {
		return nil, f.in("type")
	}
	if function.absent() {
		return nil, missing("an object", function).in("function")
	}
	return function, nil
}

func toolType(v value) *fault {
	if v.absent() {
		return missing(`"function"`, v)
	}
	if v.kind() != kindString {
		return wrongType("a string", v)
	}
	switch string(v.bytes()) {
	case "function":
		return nil
	case "custom":
		return unsupported("custom tools cannot be offered to the model; tools of the type function can")
	default:
		return wrongValue(`"function"`, v)
	}
}

// functions is tools of the time before they had types.
func (d *decoder) functions(v value) *fault {
	if v.kind() != kindArray {
		return wrongType("an array", v)
	}
	if len(d.req.Tools) > 0 && !v.empty() {
		return &fault{code: chat.CodeInvalidValue, detail: "expected tools or functions, but got both"}
	}
	for i, e := range v.elements() {
		if f := d.offer(e, "functions["+strconv.Itoa(i)+"]."); f != nil {
			return f.at(i)
		}
		d.req.LegacyCalls = true
	}
	return nil
}

// maxTools is four times what OpenAI takes: agents with many servers of tools exist.
const maxTools = 512

// offer adds a function to the tools; path is what its fields' paths begin with.
func (d *decoder) offer(v value, path string) *fault {
	if v.kind() != kindObject {
		return wrongType("an object", v)
	}
	if len(d.req.Tools) == maxTools {
		return &fault{code: chat.CodeInvalidValue, detail: "expected at most " + strconv.Itoa(maxTools) + " functions, but got more"}
	}
	var name, description, parameters, strict value
	for key, v := range v.members() {
		switch string(key) {
		case "name":
			name = v
		case "description":
			description = v
		case "parameters":
			parameters = v
		case "strict":
			strict = v
		default:
			d.unknown("tools[].function.", key)
		}
	}
	t := chat.Tool{Path: path + "parameters"}
	var f *fault
	if t.Name, f = d.toolName(name); f != nil {
		return f.in("name")
	}
	if !description.absent() {
		if t.Description, f = description.asString(); f != nil {
			return f.in("description")
		}
	}
	if !strict.absent() {
		if t.Strict, f = strict.asBool(); f != nil {
			return f.in("strict")
		}
	}
	if !parameters.absent() {
		if f := readSchema(parameters, t.Strict); f != nil {
			return f.in("parameters")
		}
		t.Parameters = slices.Clone(parameters)
	}
	d.req.Tools = append(d.req.Tools, t)
	return nil
}

func (d *decoder) toolName(v value) (string, *fault) {
	const expected = "a name of 1 to 64 letters, digits, _ and -"
	if v.absent() {
		return "", missing(expected, v)
	}
	name, f := v.asString()
	switch {
	case f != nil:
		return "", f
	case !isName(name):
		return "", wrongValue(expected, v)
	case d.offered(name):
		return "", wrongValue("a name that no other function has", v)
	}
	return name, nil
}

// isName reports whether s is ^[A-Za-z0-9_-]{1,64}$, as functions and formats are
// named.
func isName(s string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	return s != "" && len(s) <= 64 && strings.Trim(s, letters) == ""
}

func (d *decoder) offered(name string) bool {
	return slices.ContainsFunc(d.req.Tools, func(t chat.Tool) bool { return t.Name == name })
}
