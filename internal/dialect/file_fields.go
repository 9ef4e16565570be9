package dialect

import (
	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// FileFields are the fields of a content part that is a file. Chat Completions puts a file into an
// object, and Responses puts it into the part itself; clients mix them.
type FileFields struct {
	ImageURL, File, Data, Name, ID, URL jsonval.Value
}

// Source returns where the bytes of the file come from. kind is the type of the part. The path of
// the source is relative to the part.
func (fields *FileFields) Source(kind string) (*chat.FileSource, *jsonval.Fault) {
	switch {
	case kind == "input_image" && fields.ImageURL.IsAbsent() && !fields.ID.IsAbsent():
		s, f := UploadedSource(fields.ID)
		if f != nil {
			return nil, f
		}
		s.IsPicture = true
		return s, nil
	case kind == "image_url", kind == "input_image":
		return PictureSource(fields.ImageURL)
	case kind == "input_file" && fields.Data.IsAbsent() && !fields.URL.IsAbsent():
		return linkSource(fields.URL, fields.Name)
	case kind == "input_file":
		return DocumentSource(fields.Data, fields.Name, fields.ID)
	}
	if fields.File.IsAbsent() {
		return nil, jsonval.Missing("an object with file_data", fields.File).In("file")
	}
	var data, name, id jsonval.Value
	f := fields.File.ReadFields(nil, "",
		jsonval.Field{Name: "file_data", Value: &data},
		jsonval.Field{Name: "filename", Value: &name},
		jsonval.Field{Name: "file_id", Value: &id})
	if f != nil {
		return nil, f.In("file")
	}
	s, f := DocumentSource(data, name, id)
	if f != nil {
		return nil, f.In("file")
	}
	s.Path = "file." + s.Path
	return s, nil
}

// PictureSource reads the field image_url: an object with a url, or the URL itself. detail is
// ignored, because the platform has no such setting.
func PictureSource(v jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
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
	s, f := URLSource(url.Bytes())
	if f != nil {
		return nil, f.In(path)
	}
	s.Path, s.IsPicture = path, true
	if s.Name == "" {
		s.Name = "image"
	}
	return s, nil
}

// linkSource reads the field file_url: a link to a document.
func linkSource(v, name jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
	if v.Kind() != jsonval.String {
		return nil, jsonval.WrongType("a string", v).In("file_url")
	}
	s, f := URLSource(v.Bytes())
	if f != nil {
		return nil, f.In("file_url")
	}
	s.Path = "file_url"
	if name.Kind() == jsonval.String {
		s.Name = name.Text()
	}
	return s, nil
}
