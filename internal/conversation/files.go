package conversation

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
)

// withUniqueNames returns the messages with a different name for each of their different files,
// because the text refers to files by name. The request keeps its own messages.
func withUniqueNames(messages []chat.Message) []chat.Message {
	if !hasFiles(messages) {
		return messages
	}
	names := map[chat.Digest]string{}
	isUsed := map[string]bool{}
	messages = slices.Clone(messages)
	for i := range messages {
		m := &messages[i]
		m.Files = slices.Clone(m.Files)
		for j := range m.Files {
			f := &m.Files[j]
			name, isKnown := names[f.Digest]
			if !isKnown {
				name = uniqueName(f.Name, isUsed)
				names[f.Digest], isUsed[strings.ToLower(name)] = name, true
			}
			f.Name = name
		}
	}
	return messages
}

// uniqueName returns a name that is not used: the given one, or one with a number before its
// extension.
func uniqueName(name string, isUsed map[string]bool) string {
	extension := path.Ext(name)
	unique := name
	for n := 2; isUsed[strings.ToLower(unique)]; n++ {
		unique = strings.TrimSuffix(name, extension) + "-" + strconv.Itoa(n) + extension
	}
	return unique
}

// withoutRepeatedFiles returns the files without those whose bytes came before.
func withoutRepeatedFiles(files []chat.File) []chat.File {
	var kept []chat.File
	for _, f := range files {
		if !slices.ContainsFunc(kept, func(k chat.File) bool { return k.Digest == f.Digest }) {
			kept = append(kept, f)
		}
	}
	return kept
}

// checkFiles returns an error if the platform does not take that many files with one question.
func (t *turn) checkFiles(c chat.Content) error {
	limit := t.input.MaxFiles
	if limit == 0 || len(c.Files) <= limit {
		return nil
	}
	return chat.Invalid(chat.CodeContextLengthExceeded, "messages", fmt.Sprintf(
		"The platform takes at most %d files with one question of this model, and this one needs %d.", limit, len(c.Files)))
}
