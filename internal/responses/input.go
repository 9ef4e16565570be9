package responses

import (
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// maxItems bounds the memory that items of a few bytes take. The longest transcripts of agents have some
// thousands of items.
const maxItems = 100_000

// input reads the transcript: a question, or a list of items.
func (d *decoder) input(v jsonval.Value) *jsonval.Fault {
	if v.Kind() == jsonval.String {
		d.messages = append(d.messages, chat.Message{Role: chat.RoleUser, Text: v.Text()})
		return nil
	}
	if v.Kind() != jsonval.Array {
		return jsonval.WrongType("a string or an array of items", v)
	}
	list := jsonval.List{Expected: "a string or an array of items", Max: maxItems, Elements: "items"}
	f := v.ReadElements(list, d.item)
	if f == nil && len(d.messages) == 0 {
		f = jsonval.Invalid("expected at least one message, but got none")
	}
	return f
}

// itemFields are the fields of an item whose meaning depends on its type.
type itemFields struct {
	role, content, callID, name, namespace, arguments, input, output, tools jsonval.Value
}

func (d *decoder) item(index int, v jsonval.Value) *jsonval.Fault {
	var fields itemFields
	var typ jsonval.Value
	f := v.CheckObject("an item, an object")
	if f == nil {
		f = v.ReadFields(nil, "",
			jsonval.Field{Name: "type", Value: &typ},
			jsonval.Field{Name: "role", Value: &fields.role}, jsonval.Field{Name: "content", Value: &fields.content},
			jsonval.Field{Name: "call_id", Value: &fields.callID}, jsonval.Field{Name: "name", Value: &fields.name},
			jsonval.Field{Name: "namespace", Value: &fields.namespace}, jsonval.Field{Name: "arguments", Value: &fields.arguments},
			jsonval.Field{Name: "input", Value: &fields.input}, jsonval.Field{Name: "output", Value: &fields.output},
			jsonval.Field{Name: "tools", Value: &fields.tools})
	}
	if f != nil {
		return f
	}
	kind := "message"
	if !typ.IsAbsent() {
		if kind, f = typ.AsString(); f != nil {
			return f.In("type")
		}
	}
	path := "input[" + strconv.Itoa(index) + "]"
	switch {
	case kind == "message":
		return d.message(&fields, path)
	case kind == "reasoning":
		return nil // reasoning is not sent to the model again
	case kind == "function_call", kind == "custom_tool_call":
		return d.call(&fields, kind == "custom_tool_call")
	case kind == "function_call_output", kind == "custom_tool_call_output":
		return d.result(&fields, path)
	case kind == "additional_tools":
		return d.addTools(fields.tools, path+".tools", "").In("tools")
	case kind == "item_reference":
		return d.reference(v, path)
	case isForeignCall(kind):
		d.messages = append(d.messages, chat.Message{Role: chat.RoleAssistant, Text: "[" + kind + ": " + string(v) + "]"})
		return nil
	}
	return jsonval.WrongValue("a type of item that can be read, such as message or function_call", typ).In("type")
}

// reference reads the id of an item of a stored response. Reasoning is not sent to the model again in any case.
func (d *decoder) reference(v jsonval.Value, path string) *jsonval.Fault {
	id := v.Member("id")
	if id.IsAbsent() {
		return jsonval.Missing("the id of an item", id).In("id")
	}
	text, f := id.AsString()
	if f != nil {
		return f.In("id")
	}
	if strings.HasPrefix(text, reasoningPrefix) {
		return nil
	}
	d.req.references = append(d.req.references, reference{len(d.system) + len(d.messages), text, path + ".id"})
	d.messages = append(d.messages, chat.Message{Role: chat.RoleAssistant})
	return nil
}

const expectedRole = "one of user, assistant, system, developer"

func (d *decoder) message(fields *itemFields, path string) *jsonval.Fault {
	m := chat.Message{}
	if fields.role.Kind() != jsonval.String {
		return jsonval.Missing(expectedRole, fields.role).In("role")
	}
	switch string(fields.role.Bytes()) {
	case "user":
		m.Role = chat.RoleUser
	case "assistant":
		m.Role = chat.RoleAssistant
	case "system":
		m.Role = chat.RoleSystem
	case "developer":
		m.Role = chat.RoleDeveloper
	default:
		return jsonval.WrongValue(expectedRole, fields.role).In("role")
	}
	if f := d.content(fields.content, &m, path+".content"); f != nil {
		return f.In("content")
	}
	d.messages = append(d.messages, m)
	return nil
}

// content reads a text or a list of parts into m.
func (d *decoder) content(v jsonval.Value, m *chat.Message, path string) *jsonval.Fault {
	switch v.Kind() {
	case jsonval.String:
		m.Text = v.Text()
		return nil
	case jsonval.Array:
	default:
		return jsonval.WrongType("a string or an array of parts", v)
	}
	parts := dialect.Parts{}
	if m.Role != chat.RoleAssistant {
		parts.Separator = "\n"
	}
	for i, e := range v.Elements() {
		if f := d.part(e, m.Role, &parts, path+"["+strconv.Itoa(i)+"]."); f != nil {
			return f.At(i)
		}
	}
	m.Text, m.Files = parts.Text(), parts.Files
	return nil
}

func (d *decoder) part(v jsonval.Value, role chat.Role, parts *dialect.Parts, path string) *jsonval.Fault {
	var typ, text, refusal jsonval.Value
	var file dialect.FileFields
	f := v.CheckObject("a part, an object")
	if f == nil {
		f = v.ReadFields(&d.Unknown, "input[].content[].",
			jsonval.Field{Name: "type", Required: "the type of the part", Value: &typ},
			jsonval.Field{Name: "text", Value: &text}, jsonval.Field{Name: "refusal", Value: &refusal},
			jsonval.Field{Name: "image_url", Value: &file.ImageURL}, jsonval.Field{Name: "detail"},
			jsonval.Field{Name: "file_data", Value: &file.Data}, jsonval.Field{Name: "filename", Value: &file.Name},
			jsonval.Field{Name: "file_id", Value: &file.ID}, jsonval.Field{Name: "file_url", Value: &file.URL},
			jsonval.Field{Name: "annotations"}, jsonval.Field{Name: "logprobs"})
	}
	if f != nil {
		return f
	}
	if typ.Kind() != jsonval.String {
		return jsonval.WrongType("a string", typ).In("type")
	}
	switch kind := string(typ.Bytes()); {
	case kind == "input_text", kind == "output_text", kind == "text", kind == "summary_text":
		s, f := text.AsString()
		if text.IsAbsent() {
			f = jsonval.Missing("a string", text)
		}
		parts.AddText(s)
		return f.In("text")
	case kind == "refusal":
		s, f := refusal.AsString()
		parts.AddText(s)
		return f.In("refusal")
	case (kind == "input_image" || kind == "input_file") && !role.Instructs():
		source, f := file.Source(kind)
		if f != nil {
			return f
		}
		source.Path = path + source.Path
		if !parts.AddFile(source) {
			return jsonval.TooMany(dialect.MaxFiles, "files")
		}
		d.req.HasFiles = true
		return nil
	case kind == "input_audio":
		return jsonval.Unsupported("sound cannot be sent; the platform takes text, pictures and documents").In("type")
	}
	return jsonval.WrongValue("a type such as input_text, output_text, input_image or input_file", typ).In("type")
}

// call reads a call of an answer.
func (d *decoder) call(fields *itemFields, isCustom bool) *jsonval.Fault {
	var call chat.ToolCall
	var f *jsonval.Fault
	if fields.callID.IsAbsent() {
		return jsonval.Missing("a string, the id of the call", fields.callID).In("call_id")
	}
	if call.ID, f = fields.callID.AsString(); f != nil {
		return f.In("call_id")
	}
	if fields.name.IsAbsent() {
		return jsonval.Missing("a string, the name of the tool", fields.name).In("name")
	}
	name, f := fields.name.AsString()
	if f != nil {
		return f.In("name")
	}
	namespace := ""
	if !fields.namespace.IsAbsent() {
		if namespace, f = fields.namespace.AsString(); f != nil {
			return f.In("namespace")
		}
	}
	call.Name = d.ModelName(qualifiedName(namespace, name))
	if isCustom {
		input, f := fields.input.AsString()
		if f != nil {
			return f.In("input")
		}
		call.Arguments = string(append(jsonval.AppendString([]byte(`{"input":`), input), '}'))
	} else if call.Arguments, f = fields.arguments.AsString(); f != nil {
		return f.In("arguments")
	}
	m := chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{call}}
	d.RecordCalls(m.ToolCalls)
	d.messages = append(d.messages, m)
	return nil
}

// result reads the result of a call.
func (d *decoder) result(fields *itemFields, path string) *jsonval.Fault {
	m := chat.Message{Role: chat.RoleTool}
	if fields.callID.IsAbsent() {
		return jsonval.Missing("a string, the id of the call", fields.callID).In("call_id")
	}
	var f *jsonval.Fault
	if m.ToolCallID, f = fields.callID.AsString(); f != nil {
		return f.In("call_id")
	}
	d.MatchResult(&m, func() string { return path + ".call_id" })
	if !fields.output.IsAbsent() {
		if f := d.content(fields.output, &m, path+".output"); f != nil {
			return f.In("output")
		}
	}
	d.messages = append(d.messages, m)
	return nil
}
