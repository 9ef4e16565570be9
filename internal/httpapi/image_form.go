package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
	"achuan/internal/openai"
)

const (
	maxFormField    = 64 << 10 // bytes of a field that is no file
	maxFormFields   = 64
	maxFormPictures = 16
)

// isForm reports whether a Content-Type is that of a form with files.
func isForm(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "multipart/form-data"
}

// readImageForm reads a form of the Images API. Its files are stored as they come.
func (s *Server) readImageForm(r *http.Request) (*openai.ImageRequest, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, formError(err)
	}
	var pictures []chat.File
	fields := []byte{'{'}
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, formError(err)
		}
		name := part.FormName()
		switch {
		case n == maxFormFields:
			return nil, chat.Invalid(chat.CodeInvalidValue, "", "The form has too many fields.")
		case name == "image" || name == "image[]" || name == "images" || name == "images[]":
			if len(pictures) == maxFormPictures {
				return nil, chat.Invalid(chat.CodeInvalidValue, "image", "The form has more pictures than a request may change.")
			}
			f, err := s.opts.Files.AddFile(part, chat.FileSource{
				Name: part.FileName(), Path: "image[" + strconv.Itoa(len(pictures)) + "]", IsPicture: true,
			})
			if err != nil {
				return nil, formError(err)
			}
			pictures = append(pictures, f)
		case name != "":
			if fields, err = appendFormField(fields, name, part); err != nil {
				return nil, err
			}
		}
	}
	if len(pictures) == 0 {
		return nil, chat.Invalid(chat.CodeMissingParameter, "image", "Missing required parameter 'image': expected the pictures to change.")
	}
	req, err := openai.DecodeImages(append(fields, '}'), false)
	if err != nil {
		return nil, err
	}
	req.Pictures = pictures
	return req, nil
}

// appendFormField appends a field of a form as a field of a JSON object. Forms have texts only, so
// numbers and booleans are written as such.
func appendFormField(dst []byte, name string, part *multipart.Part) ([]byte, error) {
	text, err := readFormField(name, part)
	if err != nil {
		return nil, err
	}
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	dst = append(jsonval.AppendString(dst, strings.ToValidUTF8(name, "\ufffd")), ':')
	switch name {
	case "n", "output_compression", "partial_images":
		if _, err := strconv.Atoi(text); err == nil {
			return append(dst, text...), nil
		}
	case "stream":
		if b, err := strconv.ParseBool(text); err == nil {
			return strconv.AppendBool(dst, b), nil
		}
	}
	return jsonval.AppendString(dst, text), nil
}

// readFormField returns a field of a form that is no file.
func readFormField(name string, part *multipart.Part) (string, error) {
	value, err := io.ReadAll(io.LimitReader(part, maxFormField+1))
	if err != nil {
		return "", formError(err)
	}
	if len(value) > maxFormField {
		return "", chat.Invalid(chat.CodeInvalidValue, chat.Truncate(name, jsonval.MaxShown), "A field of the form is too long.")
	}
	return strings.ToValidUTF8(string(value), "\ufffd"), nil
}

// formError returns the error for a form that cannot be read. An error of the body or of a file stays
// as it is.
func formError(err error) error {
	_, isPublic := errors.AsType[*chat.Error](err)
	if isPublic || errors.Is(err, errClientGone) || errors.Is(err, errSlowBody) {
		return err
	}
	e := chat.Invalid(chat.CodeInvalidValue, "", "The body is no complete form (multipart/form-data).")
	e.Cause = err
	return e
}
