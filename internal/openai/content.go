package openai

import (
	"strings"

	"achuan/internal/chat"
)

// content reads the content of a message; the path of a fault begins with it.
func (d *decoder) content(v value, role chat.Role) (text string, f *fault) {
	const expected = "a string or an array of content parts"
	switch v.kind() {
	case kindString:
		return v.text(), nil
	case kindArray:
		text, f = d.parts(v, role)
	case kindAbsent, kindNull:
		f = missing(expected, v)
	default:
		f = wrongType(expected, v)
	}
	return text, f.in("content")
}

// parts joins text parts by a line break. No parts are as good as an empty string.
func (d *decoder) parts(v value, role chat.Role) (string, *fault) {
	texts := make([]string, 0, 8) // as a rule on the stack
	for i, p := range v.elements() {
		text, f := d.part(p, role)
		if f != nil {
			return "", f.at(i)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\n"), nil
}

func (d *decoder) part(v value, role chat.Role) (string, *fault) {
	if v.kind() != kindObject {
		return "", wrongType("an object", v)
	}
	var typ, text, refusal value
	for key, v := range v.members() {
		switch string(key) {
		case "type":
			typ = v
		case "text":
			text = v
		case "refusal":
			refusal = v
		case "image_url", "input_audio", "file": // refused by type
		default:
			d.unknown("messages[].content[].", key)
		}
	}
	field, f := partField(typ, role)
	if f != nil {
		return "", f.in("type")
	}
	if field == "refusal" {
		text = refusal
	}
	if text.absent() {
		return "", missing("a string", text).in(field)
	}
	s, f := text.asString()
	return s, f.in(field)
}

// partField tells by its type which field of a part has the text.
func partField(v value, role chat.Role) (string, *fault) {
	expected := `"text"`
	if role == chat.RoleAssistant {
		expected = `"text" or "refusal"`
	}
	if v.absent() {
		return "", missing(expected, v)
	}
	if v.kind() != kindString {
		return "", wrongType("a string", v)
	}
	switch string(v.bytes()) {
	case "text":
		return "text", nil
	case "refusal":
		if role == chat.RoleAssistant {
			return "refusal", nil
		}
	case "image_url", "input_audio", "file":
		return "", unsupported("pictures, sound and files cannot be sent yet; content is text")
	}
	return "", wrongValue(expected, v)
}
