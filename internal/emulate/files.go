package emulate

import (
	"strings"

	"achuan/internal/chat"
)

// textWithFiles returns the text of a message with a line for each of its files, at the place of the
// file. The line names the file, because the platform gets the bytes beside the text.
func textWithFiles(m chat.Message) string {
	if len(m.Files) == 0 {
		return m.Text
	}
	var b strings.Builder
	at := 0
	for _, f := range m.Files {
		offset := max(min(f.Offset, len(m.Text)), at)
		b.WriteString(m.Text[at:offset])
		at = offset
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString("[file: " + f.Name + "]")
	}
	rest := m.Text[at:]
	if rest != "" && rest[0] != '\n' {
		b.WriteByte('\n')
	}
	b.WriteString(rest)
	return b.String()
}
