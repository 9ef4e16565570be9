package gateway

import (
	"fmt"
	"slices"
	"strings"

	"achuan/internal/chat"
)

// checkFiles returns an error if the model does not read one of the files of a request. A model of
// which the platform says nothing may get any file.
func (c *catalogue) checkFiles(m model, r *chat.Request) error {
	for i := range r.Messages {
		for j := range r.Messages[i].Files {
			f := &r.Messages[i].Files[j]
			param := fmt.Sprintf("messages[%d].content", i)
			switch {
			case !m.reads(f):
				return chat.Invalid(chat.CodeInvalidFile, param, c.unreadableMessage(m, f))
			case m.MaxFileSize > 0 && f.Size > m.MaxFileSize:
				return chat.Invalid(chat.CodeInvalidFile, param, fmt.Sprintf(
					"The file %q has %.1f MB, and the platform takes at most %d MB.", f.Name, float64(f.Size)/(1<<20), m.MaxFileSize>>20))
			}
		}
	}
	return nil
}

// reads reports whether the model reads a file.
func (m model) reads(f *chat.File) bool {
	return m.Files == chat.FilesUnknown || m.Files == chat.FilesAny || m.Files == chat.FilesPictures && f.IsPicture()
}

// unreadableMessage returns a message with the models that read the file.
func (c *catalogue) unreadableMessage(m model, f *chat.File) string {
	kind := "documents"
	if f.IsPicture() {
		kind = "pictures"
	}
	var ids []string
	for _, other := range c.list() {
		if other.Files != chat.FilesUnknown && model(other).reads(f) {
			ids = append(ids, other.ID)
		}
	}
	if len(ids) == 0 {
		return fmt.Sprintf("The model %q does not read %s (%s), and no other model here does.", m.ID, kind, f.Name)
	}
	slices.Sort(ids)
	return fmt.Sprintf("The model %q does not read %s (%s). Models that do: %s.", m.ID, kind, f.Name, strings.Join(ids, ", "))
}
