package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// Bounds of the files API, as OpenAI has them.
const (
	maxFilesLimit  = 10_000
	minFileSeconds = 3600
	maxFileSeconds = 30 * 24 * 3600
)

// createFile is POST /v1/files: a form with file and purpose.
func (s *Server) createFile(w http.ResponseWriter, r *http.Request) error {
	form, err := r.MultipartReader()
	if err != nil {
		return formError(err)
	}
	f, err := s.readFileForm(form)
	if err != nil {
		return err
	}
	if err := s.opts.Files.Register(r.Context(), stateOf(r).caller.ID, &f); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendFile(nil, f))
}

// readFileForm reads the form of a file. Its bytes are stored as they come.
func (s *Server) readFileForm(form *multipart.Reader) (f chat.UploadedFile, err error) {
	hasFile := false
	var seconds int
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, formError(err)
		}
		name := part.FormName()
		switch {
		case n == maxFormFields:
			return f, chat.Invalid(chat.CodeInvalidValue, "", "The form has too many fields.")
		case name == "file" && hasFile:
			return f, chat.Invalid(chat.CodeInvalidValue, "file", "The form has more than one file.")
		case name == "file":
			hasFile = true
			f.File, err = s.opts.Files.AddFile(part, chat.FileSource{Name: part.FileName(), Path: "file"})
		case name == "purpose":
			f.Purpose, err = readFormField(name, part)
		case name == "expires_after[seconds]":
			seconds, err = readSeconds(name, part)
		}
		if err != nil {
			return f, formError(err)
		}
	}
	if !hasFile {
		return f, chat.Invalid(chat.CodeMissingParameter, "file", "Missing required parameter 'file': expected the file in the form.")
	}
	if seconds > 0 {
		f.Expires = time.Now().Truncate(time.Second).Add(time.Duration(seconds) * time.Second)
	}
	return f, checkPurpose(f.Purpose)
}

// purposes are the purposes of files that messages name.
var purposes = []string{"user_data", "vision", "assistants"}

func checkPurpose(purpose string) error {
	const expected = "expected user_data, vision or assistants."
	switch {
	case purpose == "":
		return chat.Invalid(chat.CodeMissingParameter, "purpose", "Missing required parameter 'purpose': "+expected)
	case !slices.Contains(purposes, purpose):
		return chat.Invalid(chat.CodeInvalidValue, "purpose", "Invalid value for 'purpose': "+expected)
	}
	return nil
}

func readSeconds(name string, part *multipart.Part) (int, error) {
	text, err := readFormField(name, part)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < minFileSeconds || n > maxFileSeconds {
		return 0, chat.Invalid(chat.CodeInvalidValue, name, "Invalid value for '"+name+"': expected a whole number from 3600 to 2592000.")
	}
	return n, nil
}

// listFiles is GET /v1/files?purpose=&limit=&order=&after=.
func (s *Server) listFiles(w http.ResponseWriter, r *http.Request) error {
	if !s.requiresKey() && s.opts.AllowAnonymous { // all callers are the same one, and ids are their secrets
		return s.adminError(r)
	}
	query := r.URL.Query()
	limit, err := queryInt(query, "limit", maxFilesLimit, 1, maxFilesLimit)
	if err != nil {
		return err
	}
	q := chat.FileQuery{Purpose: query.Get("purpose"), After: query.Get("after"), Limit: limit}
	switch query.Get("order") {
	case "", "desc":
	case "asc":
		q.Oldest = true
	default:
		return chat.Invalid(chat.CodeInvalidValue, "order", "Invalid value for 'order': expected asc or desc.")
	}
	page, hasMore, err := s.opts.Files.ListUploaded(r.Context(), stateOf(r).caller.ID, q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendFiles(nil, page, hasMore))
}

// getFile is GET /v1/files/{id}.
func (s *Server) getFile(w http.ResponseWriter, r *http.Request) error {
	f, err := s.opts.Files.Uploaded(r.Context(), stateOf(r).caller.ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendFile(nil, f))
}

// deleteFile is DELETE /v1/files/{id}.
func (s *Server) deleteFile(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if err := s.opts.Files.DeleteUploaded(r.Context(), stateOf(r).caller.ID, id); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendDeletedFile(nil, id))
}

// getFileContent is GET /v1/files/{id}/content.
func (s *Server) getFileContent(w http.ResponseWriter, r *http.Request) error {
	f, err := s.opts.Files.Uploaded(r.Context(), stateOf(r).caller.ID, r.PathValue("id"))
	if err != nil {
		return err
	}
	content, err := s.opts.Files.OpenFile(f.File)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	mediaType := f.Type
	if strings.HasPrefix(mediaType, "text/") {
		mediaType = "text/plain; charset=utf-8"
	}
	return sendFile(w, content, f.Size, mediaType)
}
