package openai

import (
	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// maxCalls is the number of calls that one message may have.
const maxCalls = 1000

// toolCalls reads the calls of an assistant message.
func (d *decoder) toolCalls(v jsonval.Value) (calls []chat.ToolCall, f *jsonval.Fault) {
	list := jsonval.List{Expected: "an array of tool calls", Max: maxCalls, Elements: "calls"}
	f = v.ReadElements(list, func(_ int, e jsonval.Value) *jsonval.Fault {
		call, f := d.toolCall(e)
		calls = append(calls, call)
		return f
	})
	return calls, f
}

func (d *decoder) toolCall(v jsonval.Value) (call chat.ToolCall, f *jsonval.Fault) {
	readFunction := func(v jsonval.Value) (f *jsonval.Fault) {
		call, f = d.function("messages[].tool_calls[].function.", v)
		return f
	}
	f = v.ReadFields(&d.Unknown, "messages[].tool_calls[].",
		jsonval.Field{Name: "type", Read: checkCallType},
		jsonval.Field{Name: "function", Required: "an object", Read: readFunction},
		jsonval.Field{Name: "id", Required: "a string", Text: &call.ID},
		jsonval.Field{Name: "custom"}) // checkCallType refuses it
	return call, f
}

// checkCallType accepts calls of functions. A call without a type is one.
func checkCallType(v jsonval.Value) *jsonval.Fault {
	return checkFunctionType(v, "calls of custom tools cannot be sent yet")
}

// checkFunctionType accepts the type of functions. noCustom says why the other type that
// OpenAI has is refused.
func checkFunctionType(v jsonval.Value, noCustom string) *jsonval.Fault {
	if v.Kind() != jsonval.String {
		return jsonval.WrongType("a string", v)
	}
	switch string(v.Bytes()) {
	case "function":
		return nil
	case "custom":
		return jsonval.Unsupported(noCustom)
	default:
		return jsonval.WrongValue(`"function"`, v)
	}
}

// expectedFunctionName describes the name in a call, for messages.
const expectedFunctionName = "a string, the name of the function"

// function reads the name and the arguments of a call. where is for unknown keys.
func (d *decoder) function(where string, v jsonval.Value) (call chat.ToolCall, f *jsonval.Fault) {
	f = v.ReadFields(&d.Unknown, where,
		jsonval.Field{Name: "name", Required: expectedFunctionName, Text: &call.Name},
		jsonval.Field{Name: "arguments", Read: argumentsReader(&call)})
	call.Name = d.ModelName(call.Name)
	return call, f
}

// argumentsReader returns a function that reads the JSON text of a call's arguments: the
// text of the string, or the object itself, which some clients send.
func argumentsReader(call *chat.ToolCall) func(jsonval.Value) *jsonval.Fault {
	return func(v jsonval.Value) *jsonval.Fault {
		switch {
		case v.Kind() == jsonval.String:
			call.Arguments = v.Text()
		case v.Kind() == jsonval.Object:
			call.Arguments = string(v)
		case v.Kind() == jsonval.Array && v.IsEmpty():
			call.Arguments = "{}"
		default:
			return jsonval.WrongType("a string of JSON", v)
		}
		return nil
	}
}
