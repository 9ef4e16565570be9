package dialect

import (
	"strings"

	"achuan/internal/chat"
)

// MaxFiles limits the files of one message. The platform takes fewer, but counts only those that
// are new to the session.
const MaxFiles = 100

// Parts collects the parts of the content of one message, in their order.
type Parts struct {
	// Separator stands between two texts: a line break in messages of the user, and nothing in answers,
	// whose parts are one text that a client cut.
	Separator string
	Files     []chat.File // their Path begins at the message

	first   string // text
	more    []string
	hasText bool
	size    int // of the joined texts
}

// AddText adds a text.
func (p *Parts) AddText(s string) {
	p.size += len(s)
	if !p.hasText {
		p.first, p.hasText = s, true
		return
	}
	p.size += len(p.Separator)
	p.more = append(p.more, s)
}

// AddFile adds a file. It reports false if the message has MaxFiles already.
func (p *Parts) AddFile(s *chat.FileSource) bool {
	if len(p.Files) == MaxFiles {
		return false
	}
	p.Files = append(p.Files, chat.File{Offset: p.size, Source: s})
	return true
}

// Text returns the texts so far, joined.
func (p *Parts) Text() string {
	if len(p.more) == 0 {
		return p.first
	}
	var b strings.Builder
	b.Grow(p.size)
	b.WriteString(p.first)
	for _, text := range p.more {
		b.WriteString(p.Separator)
		b.WriteString(text)
	}
	return b.String()
}

// IsEmpty reports whether nothing was added.
func (p *Parts) IsEmpty() bool { return !p.hasText && len(p.Files) == 0 }

// JoinAnswers makes one message of assistant messages that follow each other: some clients send an answer
// back in pieces. A text continues the one before it without a separator.
func JoinAnswers(messages []chat.Message) []chat.Message {
	joined := messages[:0]
	for _, m := range messages {
		last := len(joined) - 1
		if last < 0 || m.Role != chat.RoleAssistant || joined[last].Role != chat.RoleAssistant {
			joined = append(joined, m)
			continue
		}
		to := &joined[last]
		for _, f := range m.Files {
			f.Offset += len(to.Text)
			to.Files = append(to.Files, f)
		}
		to.Text += m.Text
		to.ToolCalls = append(to.ToolCalls, m.ToolCalls...)
	}
	return joined
}
