package conversation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"

	"achuan/internal/chat"
)

// lineageVersion is part of every lineage. A change of what is hashed, or how, changes
// it. The lineage of the version before is kept for the heads that stores hold: see
// headOne.
const lineageVersion = "achuan lineage 2"

// IsZero reports whether the hash is none.
func (h Hash) IsZero() bool { return h == Hash{} }

// String is for logs.
func (t Token) String() string { return hex.EncodeToString(t[:]) }

// fields hashes a sequence of fields, each with its length in front, so that no
// two sequences are alike.
type fields struct {
	sum hash.Hash
	buf []byte
}

func newFields() *fields { return &fields{sum: sha256.New(), buf: make([]byte, 0, 512)} }

// maxBuffered is how much waits for the next write to the hash.
const maxBuffered = 4 << 10

func (f *fields) number(n int) {
	f.buf = binary.BigEndian.AppendUint64(f.buf, uint64(n))
}

func (f *fields) text(s string) {
	f.number(len(s))
	for len(s) > 0 {
		if len(f.buf) >= maxBuffered {
			f.flush()
		}
		n := min(len(s), maxBuffered)
		f.buf = append(f.buf, s[:n]...)
		s = s[n:]
	}
}

func (f *fields) flush() {
	f.sum.Write(f.buf)
	f.buf = f.buf[:0]
}

// take returns the hash of what was added, and starts anew.
func (f *fields) take() (h Hash) {
	f.flush()
	f.sum.Sum(h[:0])
	f.sum.Reset()
	return h
}

// lineage follows a transcript, link by link.
type lineage struct {
	fields *fields
	head   Hash
}

// origin begins the lineage of a caller's transcripts at a host, in a scope: empty,
// or a name with its model.
func origin(caller, host string, scope NameKey) *lineage {
	l := &lineage{fields: newFields()}
	for _, s := range []string{lineageVersion, caller, host, scope.Name, scope.Model} {
		l.fields.text(s)
	}
	l.head = l.fields.take()
	return l
}

// continueFrom goes on where a session is.
func continueFrom(head Hash) *lineage { return &lineage{fields: newFields(), head: head} }

// add appends messages.
func (l *lineage) add(messages ...chat.Message) *lineage {
	f := l.fields
	for i := range messages {
		m := &messages[i]
		f.buf = append(f.buf, l.head[:]...)
		f.text(string(m.Role))
		f.text(countedName(m))
		f.text(normalText(m))
		f.number(len(m.ToolCalls))
		for _, c := range m.ToolCalls {
			f.text(c.ID)
			f.text(c.Name)
			f.text(string(canonical(c.Arguments)))
		}
		f.text(m.ToolCallID)
		l.head = f.take()
	}
	return l
}

// countedName is a message's name as far as it tells transcripts apart: frameworks give
// names to the answers that they had from achuan.
func countedName(m *chat.Message) string {
	if m.Role == chat.RoleAssistant {
		return ""
	}
	return m.Name
}

// normalText is a message's text without what clients change on the way: CRLF, outer
// white space and, of an assistant, one leading <think> block.
func normalText(m *chat.Message) string {
	text := strings.TrimSpace(m.Text)
	if m.Role == chat.RoleAssistant {
		text = withoutReasoning(text)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// withoutReasoning cuts the <think> block that opens an answer. A block that does
// not end is text.
func withoutReasoning(answer string) string {
	text := strings.TrimSpace(answer)
	block, isBlock := strings.CutPrefix(text, "<think>")
	if !isBlock {
		return text
	}
	_, rest, ended := strings.Cut(block, "</think>")
	if !ended {
		return text
	}
	return strings.TrimSpace(rest)
}
