package openai

import (
	"strings"

	"achuan/internal/chat"
)

// content reads the content of a message into m; the path of a fault begins with it.
func (d *decoder) content(v value, m *chat.Message) (f *fault) {
	const expected = "a string or an array of content parts"
	switch v.kind() {
	case kindString:
		m.Text = v.text()
	case kindArray:
		f = d.parts(v, m)
	case kindAbsent, kindNull:
		f = missing(expected, v)
	default:
		f = wrongType(expected, v)
	}
	return f.in("content")
}

// parts joins text parts by a line break. No parts are as good as an empty string.
func (d *decoder) parts(v value, m *chat.Message) *fault {
	texts := make([]string, 0, 8) // as a rule on the stack
	for i, e := range v.elements() {
		p, f := d.part(e, m.Role)
		if f != nil {
			return f.at(i)
		}
		switch p.use {
		case partText:
			texts = append(texts, p.text)
		case partCall:
			if len(m.ToolCalls) == maxCalls {
				return tooMany(maxCalls, "calls").at(i)
			}
			m.ToolCalls = append(m.ToolCalls, p.call)
		case partDropped:
		}
	}
	m.Text = strings.Join(texts, "\n")
	return nil
}

// partUse says what becomes of a part.
type partUse uint8

const (
	partText    partUse = iota // its text belongs to the message
	partCall                   // it is a call
	partDropped                // it is reasoning, which no model is sent again
)

// part is what a content part says.
type part struct {
	use  partUse
	text string
	call chat.ToolCall
}

// partFields are the fields of a content part that are read.
type partFields struct {
	typ, text, refusal, id, name, input value
}

func (d *decoder) part(v value, role chat.Role) (p part, f *fault) {
	if v.kind() != kindObject {
		return p, wrongType("an object", v)
	}
	fields := d.partFields(v)
	use, field, f := partType(fields.typ, role)
	if f != nil {
		return p, f.in("type")
	}
	p.use = use
	switch use {
	case partCall:
		p.call, f = d.toolUse(&fields)
	case partText:
		text := fields.text
		if field == "refusal" {
			text = fields.refusal
		}
		if text.absent() {
			return p, missing("a string", text).in(field)
		}
		p.text, f = text.asString()
		f = f.in(field)
	case partDropped:
	}
	return p, f
}

func (d *decoder) partFields(v value) (fields partFields) {
	for key, v := range v.members() {
		switch string(key) {
		case "type":
			fields.typ = v
		case "text":
			fields.text = v
		case "refusal":
			fields.refusal = v
		case "id":
			fields.id = v
		case "name":
			fields.name = v
		case "input":
			fields.input = v
		case "image_url", "input_audio", "file": // refused by type
		case "thinking", "signature", "data", "reasoning", "summary", "encrypted_content", "annotations":
			// of answers, sent back
		default:
			d.unknown("messages[].content[].", key)
		}
	}
	return fields
}

// partType tells by its type what becomes of a part, and which of its fields has the
// text. Beside OpenAI's own types it knows those that clients keep from other APIs:
// input_text and output_text of Responses; thinking and tool_use of Messages.
func partType(v value, role chat.Role) (use partUse, field string, f *fault) {
	isAnswer := role == chat.RoleAssistant
	expected := `"text"`
	if isAnswer {
		expected = `"text" or "refusal"`
	}
	if v.absent() {
		return 0, "", missing(expected, v)
	}
	if v.kind() != kindString {
		return 0, "", wrongType("a string", v)
	}
	switch string(v.bytes()) {
	case "text", "input_text", "output_text":
		return partText, "text", nil
	case "refusal":
		if isAnswer {
			return partText, "refusal", nil
		}
	case "thinking", "redacted_thinking", "reasoning":
		if isAnswer {
			return partDropped, "", nil
		}
	case "tool_use":
		if isAnswer {
			return partCall, "", nil
		}
	case "image_url", "input_audio", "file":
		return 0, "", unsupported("pictures, sound and files cannot be sent yet; content is text")
	}
	return 0, "", wrongValue(expected, v)
}

// toolUse reads a part that is a call.
func (d *decoder) toolUse(fields *partFields) (call chat.ToolCall, f *fault) {
	if fields.name.absent() {
		return call, missing("a string, the name of the function", fields.name).in("name")
	}
	if call.Name, f = fields.name.asString(); f != nil {
		return call, f.in("name")
	}
	call.Name = d.modelName(call.Name)
	if !fields.id.absent() {
		if call.ID, f = fields.id.asString(); f != nil {
			return call, f.in("id")
		}
	}
	call.Arguments, f = readArguments(fields.input)
	return call, f.in("input")
}
