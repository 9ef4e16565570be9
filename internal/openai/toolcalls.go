package openai

import "achuan/internal/chat"

// maxCalls bounds the calls of one message.
const maxCalls = 1000

// toolCalls reads the calls that an assistant message made.
func (d *decoder) toolCalls(v value) ([]chat.ToolCall, *fault) {
	if v.kind() != kindArray {
		return nil, wrongType("an array of tool calls", v)
	}
	var calls []chat.ToolCall
	for i, e := range v.elements() {
		if i == maxCalls {
			return nil, tooMany(maxCalls, "calls")
		}
		call, f := d.toolCall(e)
		if f != nil {
			return nil, f.at(i)
		}
		calls = append(calls, call)
	}
	return calls, nil
}

func (d *decoder) toolCall(v value) (call chat.ToolCall, f *fault) {
	if v.kind() != kindObject {
		return call, wrongType("an object", v)
	}
	var id, typ, function value
	for key, v := range v.members() {
		switch string(key) {
		case "id":
			id = v
		case "type":
			typ = v
		case "function":
			function = v
		case "custom": // refused by type
		default:
			d.unknown("messages[].tool_calls[].", key)
		}
	}
	if f := callType(typ); f != nil {
		return call, f.in("type")
	}
	if function.absent() {
		return call, missing("an object", function).in("function")
	}
	if call, f = d.function("messages[].tool_calls[].function.", function); f != nil {
		return call, f.in("function")
	}
	if id.absent() {
		return call, missing("a string", id).in("id")
	}
	call.ID, f = id.asString()
	return call, f.in("id")
}

// callType accepts calls of functions; a call that does not say is one.
func callType(v value) *fault {
	if v.absent() {
		return nil
	}
	if v.kind() != kindString {
		return wrongType("a string", v)
	}
	switch string(v.bytes()) {
	case "function":
		return nil
	case "custom":
		return unsupported("calls of custom tools cannot be sent yet")
	default:
		return wrongValue(`"function"`, v)
	}
}

// function reads name and arguments of a call; where is for unknown keys.
func (d *decoder) function(where string, v value) (call chat.ToolCall, f *fault) {
	if v.kind() != kindObject {
		return call, wrongType("an object", v)
	}
	var name, arguments value
	for key, v := range v.members() {
		switch string(key) {
		case "name":
			name = v
		case "arguments":
			arguments = v
		default:
			d.unknown(where, key)
		}
	}
	if name.absent() {
		return call, missing("a string, the name of the function", name).in("name")
	}
	if call.Name, f = name.asString(); f != nil {
		return call, f.in("name")
	}
	call.Name = d.modelName(call.Name)
	call.Arguments, f = readArguments(arguments)
	return call, f.in("arguments")
}

// readArguments returns the JSON text of a call's arguments: what the string says,
// or the object itself as some clients send it. Calls without any are allowed.
func readArguments(v value) (string, *fault) {
	switch v.kind() {
	case kindAbsent, kindNull:
		return "", nil
	case kindString:
		return v.text(), nil
	case kindObject:
		return string(v), nil
	case kindArray:
		if v.empty() {
			return "{}", nil
		}
		fallthrough
	default:
		return "", wrongType("a string of JSON", v)
	}
}
