package dialect

import (
	"bytes"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// UploadedSource reads the id of a file that was uploaded.
func UploadedSource(id jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
	text, f := id.AsString()
	if f != nil {
		return nil, f.In("file_id")
	}
	if text == "" {
		return nil, InvalidFile("expected the id of a file, but got an empty string").In("file_id")
	}
	return &chat.FileSource{ID: text, Path: "file_id"}, nil
}

// DocumentSource reads the fields of a file: a data URL, base64 with a name, or the id of a file that was
// uploaded.
func DocumentSource(data, name, id jsonval.Value) (*chat.FileSource, *jsonval.Fault) {
	var filename string
	if !name.IsAbsent() {
		var f *jsonval.Fault
		if filename, f = name.AsString(); f != nil {
			return nil, f.In("filename")
		}
		if strings.TrimSpace(filename) == "" {
			return nil, InvalidFile("expected the name of the file, but got an empty string").In("filename")
		}
	}
	switch {
	case data.IsAbsent() && !id.IsAbsent():
		return UploadedSource(id)
	case data.IsAbsent():
		return nil, jsonval.Missing("a data URL, or base64", data).In("file_data")
	case !id.IsAbsent():
		return nil, InvalidFile("expected file_data or file_id, not both").In("file_id")
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
	s, f := URLSource(text)
	if f != nil {
		return nil, f.In("file_data")
	}
	s.Name, s.Path = filename, "file_data"
	return s, nil
}

// maxLink is the maximum length of a link in bytes.
const maxLink = 8 << 10

// URLSource reads a data URL or a link.
func URLSource(url []byte) (*chat.FileSource, *jsonval.Fault) {
	scheme, rest, _ := bytes.Cut(url, []byte(":"))
	switch strings.ToLower(string(chat.Truncate(scheme, 16))) {
	case "http", "https":
		if len(url) > maxLink {
			return nil, InvalidFile("the link is too long")
		}
		return &chat.FileSource{URL: string(url)}, nil
	case "data":
		head, data, isWhole := bytes.Cut(rest, []byte(","))
		mediaType, isBase64 := strings.CutSuffix(strings.ToLower(string(chat.Truncate(head, 256))), ";base64")
		mediaType, _, _ = strings.Cut(mediaType, ";")
		switch {
		case !isWhole || !isBase64:
			return nil, InvalidFile("expected a data URL with base64, such as data:image/png;base64,iVBORw0…")
		case !strings.Contains(mediaType, "/"):
			return nil, InvalidFile("expected a media type in the data URL, such as data:image/png;base64,iVBORw0…")
		}
		return &chat.FileSource{Base64: data, Type: mediaType}, nil
	}
	return nil, InvalidFile("expected a data URL, or a link of http or https")
}

// InvalidFile is the fault of a file that cannot be read.
func InvalidFile(detail string) *jsonval.Fault {
	return &jsonval.Fault{Code: chat.CodeInvalidFile, Detail: detail}
}
