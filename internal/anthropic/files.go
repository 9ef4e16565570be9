package anthropic

import (
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// file reads a picture or a document.
func (m *message) file(v jsonval.Value, kind, at string) *jsonval.Fault {
	var source jsonval.Value
	var title string
	f := v.ReadFields(&m.Unknown, "messages[].content[].",
		jsonval.Field{Name: "source", Required: "an object, the source of the " + kind, Value: &source},
		jsonval.Field{Name: "title", Text: &title},
		jsonval.Field{Name: "context"}, jsonval.Field{Name: "citations"},
		jsonval.Field{Name: "type"}, jsonval.Field{Name: "cache_control"})
	if f == nil {
		if f = source.CheckObject("an object, the source of the " + kind); f == nil {
			f = m.source(source, kind, title, m.path+at+".source")
		}
		f = f.In("source")
	}
	return f
}

// source reads where a file comes from, or the text of a document.
func (m *message) source(v jsonval.Value, kind, title, path string) *jsonval.Fault {
	const expected = "one of base64, url, file, text"
	var typ, data, url, id jsonval.Value
	s := &chat.FileSource{Name: title, IsPicture: kind == "image"}
	f := v.ReadFields(&m.Unknown, "messages[].content[].source.",
		jsonval.Field{Name: "type", Required: expected, Value: &typ},
		jsonval.Field{Name: "media_type", Text: &s.Type},
		jsonval.Field{Name: "data", Value: &data},
		jsonval.Field{Name: "url", Value: &url},
		jsonval.Field{Name: "file_id", Value: &id})
	if f != nil {
		return f
	}
	if typ.Kind() != jsonval.String {
		return jsonval.WrongType("a string", typ).In("type")
	}
	field := "data"
	switch sourceType := string(typ.Bytes()); {
	case sourceType == "text" && !s.IsPicture:
		text, f := data.AsString()
		if f == nil && isReference(text) {
			f = jsonval.Invalid("a long text without any space cannot be told from base64; send it as base64")
		}
		if f == nil {
			m.parts.AddText(text)
		}
		return f.In(field)
	case sourceType == "base64":
		if data.Kind() != jsonval.String {
			return jsonval.Missing("a string of base64", data).In(field)
		}
		s.Base64 = data.Bytes()
	case sourceType == "url":
		field = "url"
		if url.Kind() != jsonval.String {
			return jsonval.Missing("a link", url).In(field)
		}
		from, f := dialect.URLSource(url.Bytes())
		if f != nil {
			return f.In(field)
		}
		s.Base64, s.URL = from.Base64, from.URL
	case sourceType == "file":
		field = "file_id"
		from, f := dialect.UploadedSource(id)
		if f != nil {
			return f
		}
		s.ID = from.ID
	default:
		return jsonval.WrongValue(expected, typ).In("type")
	}
	s.Path = path + "." + field
	if s.Name == "" && s.ID == "" {
		s.Name = kind
	}
	if !m.parts.AddFile(s) {
		return jsonval.TooMany(dialect.MaxFiles, "files")
	}
	m.Request.HasFiles = true
	return nil
}

// isReference reports whether a text is what package media puts in the place of long base64 while a body is read.
func isReference(text string) bool {
	const digits = 32
	return len(text) == 1+digits && text[0] == '@' && strings.Trim(text[1:], "0123456789abcdef") == ""
}
