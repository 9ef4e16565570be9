package openai

import (
	"achuan/internal/chat"
	"achuan/internal/dialect"
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
		s, f := dialect.UploadedSource(fields.id)
		if f != nil {
			return nil, f
		}
		s.IsPicture = true
		return s, nil
	case kind == "image_url", kind == "input_image":
		return pictureSource(fields.imageURL)
	case kind == "input_file":
		return dialect.DocumentSource(fields.data, fields.name, fields.id)
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
	s, f := dialect.DocumentSource(data, name, id)
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
	s, f := dialect.URLSource(url.Bytes())
	if f != nil {
		return nil, f.In(path)
	}
	s.Path, s.IsPicture = path, true
	if s.Name == "" {
		s.Name = "image"
	}
	return s, nil
}
