package openai

import (
	"bytes"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// fileFields are the fields of a content part that is a file. Chat Completions puts a file into an
// object, and Responses puts it into the part itself; clients mix them.
type fileFields struct {
	imageURL, file, data, name, id jsonval.Value
}

// source returns where the bytes of the file come from. kind is the type of the part. The path of
// the source is relative to the part.
func (fields *fileFields) source(kind string) (*chat.FileSource, *jsonval.Fault) {
	switch {
	case kind == "input_image" && fields.imageURL.IsAbsent() && !fields.id.IsAbsent():
		s, f := uploadedSource(fields.id)
		if f != nil {
			return nil, f
		}
		s.IsPicture = true
		return s, nil
	case kind == "image_url", kind == "input_image":
		return pictureSource(fields.imageURL)
	case kind == "input_file":
		return documentSource(fields.data, fields.name, fields.id)
	}
	if fields.file.IsAbsent() {
		return nil, jsonval.Missing("an object with file_data", fields.file).In("file")
	}
	var data, name, id jsonval.Value
	f := fields.file.ReadFields(nil, "",
		jsonval.Field{Name: "file_data", Value: &data},
		jsonval.Field{Name: "filename", Value: &name},
		jsonval.Field{Name: "file_id", Value: &id})
	if f != nil {
		return nil, f.In("file")
	}
	s, f := documentSource(data, name, id)
	if f != nil {
		return nil, f.In("file")
	}
	s.Path = "file." + s.Path
	return s, nil
}

// pictureSource reads the field image_url: an object with a url, or the URL itself. detail is
// ignored, because the platform has no such setting.
func pictureSource(v jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
	const expected = "an object with a url"
	path := "image_url"
	url := v
	if v.Kind() == jsonval.Object {
		path = "image_url.url"
		url = v.Member("url")
	}
	if url.IsAbsent() {
		return nil, jsonval.Missing(expected, url).In(path)
	}
	if url.Kind() != jsonval.String {
		return nil, jsonval.WrongType("a string", url).In(path)
	}
	s, f := urlSource(url.Bytes())
	if f != nil {
		return nil, f.In(path)
	}
	s.Path, s.IsPicture = path, true
	if s.Name == "" {
		s.Name = "image"
	}
	return s, nil
}

// uploadedSource reads the id of a file that was uploaded.
func uploadedSource(id jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
	text, f := id.AsString()
	if f != nil {
		return nil, f.In("file_id")
	}
	if text == "" {
		return nil, invalidFile("expected the id of a file, but got an empty string").In("file_id")
	}
	return &chat.FileSource{ID: text, Path: "file_id"}, nil
}

// documentSource reads the fields of a file: a data URL, base64 with a name, or the id of a file that was
// uploaded.
func documentSource(data, name, id jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
	var filename string
	if !name.IsAbsent() {
		var f *jsonval.Fault
		if filename, f = name.AsString(); f != nil {
			return nil, f.In("filename")
		}
		if strings.TrimSpace(filename) == "" {
			return nil, invalidFile("expected the name of the file, but got an empty string").In("filename")
		}
	}
	switch {
	case data.IsAbsent() && !id.IsAbsent():
		return uploadedSource(id)
	case data.IsAbsent():
		return nil, jsonval.Missing("a data URL, or base64", data).In("file_data")
	case !id.IsAbsent():
		return nil, invalidFile("expected file_data or file_id, not both").In("file_id")
	case data.Kind() != jsonval.String:
		return nil, jsonval.WrongType("a string", data).In("file_data")
	}
	text := data.Bytes()
	if !bytes.HasPrefix(text, []byte("data:")) {
		if filename == "" {
			return nil, jsonval.Missing("the name of the file, because file_data is no data URL", name).In("filename")
		}
		return &chat.FileSource{Base64: text, Name: filename, Path: "file_data"}, nil
	}
	s, f := urlSource(text)
	if f != nil {
		return nil, f.In("file_data")
	}
	s.Name, s.Path = filename, "file_data"
	return s, nil
}

// maxLink is the maximum length of a link in bytes.
const maxLink = 8 << 10

// urlSource reads a data URL or a link.
func urlSource(url []byte) (*chat.FileSource, *jsonval.Fault) {
	scheme, rest, _ := bytes.Cut(url, []byte(":"))
	switch strings.ToLower(string(chat.Truncate(scheme, 16))) {
	case "http", "https":
		if len(url) > maxLink {
			return nil, invalidFile("the link is too long")
		}
		return &chat.FileSource{URL: string(url)}, nil
	case "data":
		head, data, isWhole := bytes.Cut(rest, []byte(","))
		mediaType, isBase64 := strings.CutSuffix(strings.ToLower(string(chat.Truncate(head, 256))), ";base64")
		mediaType, _, _ = strings.Cut(mediaType, ";")
		switch {
		case !isWhole || !isBase64:
			return nil, invalidFile("expected a data URL with base64, such as data:image/png;base64,iVBORw0…")
		case !strings.Contains(mediaType, "/"):
			return nil, invalidFile("expected a media type in the data URL, such as data:image/png;base64,iVBORw0…")
		}
		return &chat.FileSource{Base64: data, Type: mediaType}, nil
	}
	return nil, invalidFile("expected a data URL, or a link of http or https")
}

// invalidFile is the fault of a file that cannot be read.
func invalidFile(detail string) *jsonval.Fault {
	return &jsonval.Fault{Code: chat.CodeInvalidFile, Detail: detail}
}
