package openai

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
)

// Readers of the parameters that offer tools to the model.

func (d *decoder) tools(v value) *fault {
	if v.kind() != kindArray {
		return wrongType("an array", v)
	}
	for i, e := range v.elements() {
		function, isFlat, f := d.toolFunction(e)
		path := "tools[" + strconv.Itoa(i) + "]."
		switch {
		case f != nil:
		case isFlat:
			f = d.offer(function, path)
		default:
			f = d.offer(function, path+"function.").in("function")
		}
		if f != nil {
			return f.at(i)
		}
	}
	return nil
}

// toolFunction returns what an entry of tools says of its function. An entry with a
// function need not name its type. A flat entry is the function itself: clients that
// know the Responses API send such.
func (d *decoder) toolFunction(v value) (function value, isFlat bool, f *fault) {
	if v.kind() != kindObject {
		return nil, false, wrongType("an object", v)
	}
	var typ, name value
	for key, e := range v.members() {
		switch string(key) {
		case "type":
			typ = e
		case "function":
			function = e
		case "name":
			name = e
		case "custom": // refused by type
		case "description", "parameters", "strict": // of a flat entry
		default:
			d.unknown("tools[].", key)
		}
	}
	if typ.absent() && !function.absent() {
		return function, false, nil
	}
	if f := toolType(typ); f != nil {
		return nil, false, f.in("type")
	}
	switch {
	case !function.absent():
		return function, false, nil
	case !name.absent():
		return v, true, nil
	}
	return nil, false, missing("an object", function).in("function")
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

// offer adds a function to the tools; path is what its fields' paths begin with. A
// function that was offered before, in the same words, is offered once: clients with
// several servers of tools send such lists.
func (d *decoder) offer(v value, path string) *fault {
	if v.kind() != kindObject {
		return wrongType("an object", v)
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
		case "type": // of a flat entry
		default:
			d.unknown("tools[].function.", key)
		}
	}
	t := chat.Tool{Path: path + "parameters"}
	own, f := toolName(name)
	if f != nil {
		return f.in("name")
	}
	t.Name = d.modelName(own)
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
	if i, offered := d.offered[t.Name]; offered {
		if !d.isSameTool(i, &t, own, parameters) {
			detail := "different functions have the name " + name.shown()
			return (&fault{code: chat.CodeInvalidValue, detail: detail}).in("name")
		}
		return nil
	}
	if len(d.req.Tools) == maxTools {
		return tooMany(maxTools, "functions")
	}
	if t.Parameters, f = d.toolParameters(parameters, t.Strict); f != nil {
		return f.in("parameters")
	}
	d.addTool(t)
	return nil
}

// toolParameters reads the schema of a function's arguments; nil when it takes none.
func (d *decoder) toolParameters(v value, strict bool) ([]byte, *fault) {
	if v.absent() || v.kind() == kindArray && v.empty() { // PHP writes {} as []
		return nil, nil
	}
	if f := d.checkSchema(v, strict && !d.callsNone); f != nil {
		return nil, f
	}
	return slices.Clone(v), nil
}

// addTool offers a tool.
func (d *decoder) addTool(t chat.Tool) {
	if d.offered == nil {
		d.offered = map[string]int{}
	}
	d.offered[t.Name] = len(d.req.Tools)
	d.req.Tools = append(d.req.Tools, t)
}

// isSameTool reports whether t, with those parameters, is the tool at index i.
func (d *decoder) isSameTool(i int, t *chat.Tool, own string, parameters value) bool {
	first := &d.req.Tools[i]
	if d.req.clientName(first.Name) != own || first.Description != t.Description || first.Strict != t.Strict {
		return false
	}
	if parameters.absent() || parameters.kind() == kindArray && parameters.empty() {
		return first.Parameters == nil
	}
	return sameJSON(value(first.Parameters), parameters)
}

// sameJSON reports whether two JSON texts differ in white space alone. It stops at the
// first difference.
func sameJSON(a, b value) bool {
	i, j := 0, 0
	for {
		i, j = skipSpace(a, i), skipSpace(b, j)
		switch {
		case i == len(a) || j == len(b):
			return i == len(a) && j == len(b)
		case a[i] != b[j]:
			return false
		case a[i] == '"':
			n, m := skipString(a, i), skipString(b, j)
			if string(a[i:n]) != string(b[j:m]) {
				return false
			}
			i, j = n, m
		default:
			i, j = i+1, j+1
		}
	}
}

// toolName reads the client's name of a function.
func toolName(v value) (string, *fault) {
	const expected = "a name of 1 to 128 letters, digits, _, -, ., : and /"
	if v.absent() {
		return "", missing(expected, v)
	}
	name, f := v.asString()
	if f == nil && !isToolName(name) {
		f = wrongValue(expected, v)
	}
	return name, f
}
