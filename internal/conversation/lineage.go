package conversation

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"
	"sync"

	"achuan/internal/chat"
)

// lineageVersion is part of every lineage. It changes when what is hashed, or how, changes.
// headOfFirstRelease keeps the lineage before, because stores contain its heads.
const lineageVersion = "achuan lineage 2"

// IsZero reports whether the hash is zero, which stands for none.
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns the token in hexadecimal, for logs.
func (t Token) String() string { return hex.EncodeToString(t[:]) }

// fieldHash hashes a sequence of fields, each with its length in front, so that no two sequences
// have the same input.
type fieldHash struct {
	hash hash.Hash
	buf  []byte // waits for the hash; never grows
	sum  Hash   // where the hash writes its sum
}

// maxBuffered is how many bytes wait before they are written to the hash.
const maxBuffered = 4 << 10

// fieldHashes are used again, because a turn makes about ten hashes.
var fieldHashes = sync.Pool{New: func() any {
	return &fieldHash{hash: sha256.New(), buf: make([]byte, 0, maxBuffered)}
}}

// newFieldHash returns an empty hash. Its method finish ends its use.
func newFieldHash() *fieldHash { return fieldHashes.Get().(*fieldHash) }

func (f *fieldHash) number(n int) {
	f.makeRoom(8)
	f.buf = binary.BigEndian.AppendUint64(f.buf, uint64(n))
}

// link adds the hash of what precedes in a chain.
func (f *fieldHash) link(h Hash) {
	f.makeRoom(len(h))
	f.buf = append(f.buf, h[:]...)
}

func (f *fieldHash) text(s string) {
	f.number(len(s))
	for len(s) > 0 {
		f.makeRoom(1)
		n := min(len(s), cap(f.buf)-len(f.buf))
		f.buf = append(f.buf, s[:n]...)
		s = s[n:]
	}
}

// makeRoom makes room for n bytes in the buffer.
func (f *fieldHash) makeRoom(n int) {
	if cap(f.buf)-len(f.buf) < n {
		f.flush()
	}
}

func (f *fieldHash) flush() {
	f.hash.Write(f.buf)
	f.buf = f.buf[:0]
}

// finish returns the hash of what was added. f must not be used after it.
func (f *fieldHash) finish() Hash {
	f.flush()
	f.hash.Sum(f.sum[:0])
	f.hash.Reset()
	h := f.sum
	fieldHashes.Put(f)
	return h
}

// lineage computes the hash chain over a transcript, message by message.
type lineage struct {
	head Hash
	key  CallKey // tells which calls are as the model wrote them; without one, no call is
}

// origin begins the lineage of a caller's transcripts at a host, in a scope: the zero NameKey, or
// a name with its model.
func origin(caller, host string, scope NameKey) *lineage {
	f := newFieldHash()
	for _, s := range []string{lineageVersion, caller, host, scope.Name, scope.Model} {
		f.text(s)
	}
	return &lineage{head: f.finish()}
}

// withKey sets the key of the ids of calls.
func (l *lineage) withKey(key CallKey) *lineage {
	l.key = key
	return l
}

// continueFrom continues the lineage of a session from its head.
func continueFrom(head Hash) *lineage { return &lineage{head: head} }

// add appends messages.
func (l *lineage) add(messages ...chat.Message) *lineage {
	for i := range messages {
		l.addMessage(&messages[i], false)
	}
	return l
}

// writtenArguments stands for the arguments of a call that the model wrote: its id, which has a check over them, says
// which call of which answer it is. No arguments have this text.
const writtenArguments = "\x00as written"

// addMessage appends a message. asWritten counts calls that were edited as the model wrote them.
func (l *lineage) addMessage(m *chat.Message, asWritten bool) {
	f := newFieldHash()
	f.link(l.head)
	f.text(string(m.Role))
	f.text(countedName(m))
	f.text(normalText(m))
	f.number(len(m.ToolCalls))
	for _, c := range m.ToolCalls {
		f.text(countedID(c.ID))
		f.text(c.Name)
		if state := l.key.stateOf(&c); state == callWritten || state == callEdited && asWritten {
			f.text(writtenArguments)
		} else {
			f.text(string(canonical(c.Arguments)))
		}
	}
	f.text(countedID(m.ToolCallID))
	f.files(m)
	l.head = f.finish()
}

// files hashes the files of a message, each with the length of the text in front of it. A message
// without files adds nothing, so that it has the hash that it had before messages had files.
func (f *fieldHash) files(m *chat.Message) {
	if len(m.Files) == 0 {
		return
	}
	f.number(len(m.Files))
	for _, file := range m.Files {
		before := chat.Message{Role: m.Role, Text: m.Text[:min(file.Offset, len(m.Text))]}
		f.number(len(normalText(&before)))
		f.link(Hash(file.Digest))
	}
}

// countedID returns the id of a call as far as it distinguishes transcripts. Ids of other servers
// count as none: clients make them up, differently each time, and the order of the results already
// says which call each belongs to.
func countedID(id string) string {
	if _, isOurs := chat.SplitCallID(id); isOurs {
		return id
	}
	return ""
}

// countedName returns a message's name as far as it distinguishes transcripts. Frameworks add
// names to the answers that achuan gave them.
func countedName(m *chat.Message) string {
	if m.Role == chat.RoleAssistant {
		return ""
	}
	return m.Name
}

// normalText returns a message's text without what clients change: CRLF, outer white space and,
// for an assistant, one leading <think> block.
func normalText(m *chat.Message) string {
	text := strings.TrimSpace(m.Text)
	if m.Role == chat.RoleAssistant {
		text = withoutReasoning(text)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// withoutReasoning removes the <think> block that opens an answer. A block without an end is
// text.
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
