package openai

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// content reads the content of a message into m. The path of a fault begins with content.
func (d *decoder) content(v jsonval.Value, m *chat.Message) (f *jsonval.Fault) {
	const expected = "a string or an array of content parts"
	switch v.Kind() {
	case jsonval.String:
		m.Text = v.Text()
	case jsonval.Array:
		f = d.parts(v, m)
	case jsonval.Absent, jsonval.Null:
		f = jsonval.Missing(expected, v)
	default:
		f = jsonval.WrongType(expected, v)
	}
	return f.In("content")
}

// parts joins text parts with line breaks. An empty array is an empty text.
func (d *decoder) parts(v jsonval.Value, m *chat.Message) *jsonval.Fault {
	parts := dialect.Parts{Separator: "\n"}
	for i, e := range v.Elements() {
		p, f := d.part(e, m.Role)
		if f != nil {
			return f.At(i)
		}
		switch p.use {
		case useText:
			parts.AddText(p.text)
		case useFile:
			p.file.Path = "[" + strconv.Itoa(i) + "]." + p.file.Path
			if !parts.AddFile(p.file) {
				return jsonval.TooMany(dialect.MaxFiles, "files").At(i)
			}
		case useCall:
			if len(m.ToolCalls) == maxCalls {
				return jsonval.TooMany(maxCalls, "calls").At(i)
			}
			m.ToolCalls = append(m.ToolCalls, p.call)
		case useNothing:
		}
	}
	m.Text, m.Files = parts.Text(), parts.Files
	return nil
}

// partUse says what a content part becomes.
type partUse uint8

const (
	useText    partUse = iota // its text belongs to the message
	useCall                   // it is a tool call
	useFile                   // it is a picture or a document
	useNothing                // it is reasoning, which is not sent to the model again
)

// part is a decoded content part.
type part struct {
	use  partUse
	text string
	call chat.ToolCall
	file *chat.FileSource
}

func (d *decoder) part(v jsonval.Value, role chat.Role) (p part, f *jsonval.Fault) {
	expected := `"text", "image_url" or "file"`
	switch {
	case role == chat.RoleAssistant:
		expected = `"text", "refusal", "image_url" or "file"`
	case role.Instructs():
		expected = `"text"`
	}
	var field string
	var text, refusal jsonval.Value
	var file dialect.FileFields
	readType := func(v jsonval.Value) (f *jsonval.Fault) {
		p.use, field, f = partType(v, role, expected)
		return f
	}
	f = v.ReadFields(&d.Unknown, "messages[].content[].",
		jsonval.Field{Name: "type", Required: expected, Read: readType},
		jsonval.Field{Name: "text", Value: &text},
		jsonval.Field{Name: "refusal", Value: &refusal},
		jsonval.Field{Name: "id"}, jsonval.Field{Name: "name"}, jsonval.Field{Name: "input"}, // of calls
		jsonval.Field{Name: "image_url", Value: &file.ImageURL}, jsonval.Field{Name: "file", Value: &file.File},
		jsonval.Field{Name: "detail"}, jsonval.Field{Name: "input_audio"},
		jsonval.Field{Name: "file_data", Value: &file.Data}, jsonval.Field{Name: "filename", Value: &file.Name},
		jsonval.Field{Name: "file_id", Value: &file.ID},
		// Fields of answers that a client sends back.
		jsonval.Field{Name: "thinking"}, jsonval.Field{Name: "signature"}, jsonval.Field{Name: "data"}, jsonval.Field{Name: "reasoning"},
		jsonval.Field{Name: "summary"}, jsonval.Field{Name: "encrypted_content"}, jsonval.Field{Name: "annotations"})
	if f != nil {
		return p, f
	}
	switch p.use {
	case useCall:
		p.call, f = d.callPart(v)
	case useText:
		if field == "refusal" {
			text = refusal
		}
		if text.IsAbsent() {
			return p, jsonval.Missing("a string", text).In(field)
		}
		p.text, f = text.AsString()
		f = f.In(field)
	case useFile:
		p.file, f = file.Source(field)
	case useNothing:
	}
	return p, f
}

// partType returns what a part becomes, which its type decides, and the name of the field
// that has its text. It knows OpenAI's types and those that clients keep from other APIs:
// input_text and output_text of Responses, thinking and tool_use of Messages. expected
// names the types that messages of the role have.
func partType(v jsonval.Value, role chat.Role, expected string) (use partUse, field string, f *jsonval.Fault) {
	isAnswer := role == chat.RoleAssistant
	if v.Kind() != jsonval.String {
		return 0, "", jsonval.WrongType("a string", v)
	}
	switch string(v.Bytes()) {
	case "text", "input_text", "output_text":
		return useText, "text", nil
	case "refusal":
		if isAnswer {
			return useText, "refusal", nil
		}
	case "thinking", "redacted_thinking", "reasoning":
		if isAnswer {
			return useNothing, "", nil
		}
	case "tool_use":
		if isAnswer {
			return useCall, "", nil
		}
	case "image_url", "input_image", "file", "input_file":
		if !role.Instructs() {
			return useFile, string(v.Bytes()), nil
		}
	case "input_audio":
		return 0, "", jsonval.Unsupported("sound cannot be sent; the platform takes text, pictures and documents")
	}
	return 0, "", jsonval.WrongValue(expected, v)
}

// callPart reads a part of the type tool_use. Its unknown keys are already collected.
func (d *decoder) callPart(v jsonval.Value) (call chat.ToolCall, f *jsonval.Fault) {
	f = v.ReadFields(nil, "",
		jsonval.Field{Name: "name", Required: expectedFunctionName, Text: &call.Name},
		jsonval.Field{Name: "id", Text: &call.ID},
		jsonval.Field{Name: "input", Read: argumentsReader(&call)})
	call.Name = d.ModelName(call.Name)
	return call, f
}
