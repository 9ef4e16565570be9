package platform

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"achuan/internal/chat"
)

// question is the body of a completions call. The platform takes no other keys: the model and all
// other settings belong to the session. encodeFiles writes the files.
type question struct {
	Text      string `json:"text"`
	SessionID int64  `json:"sessionId"`
	// Only newer versions know these keys, so empty ones are not sent.
	Thinking        *bool    `json:"thinking,omitempty"`        // 3.0
	WebSearch       bool     `json:"webSearch,omitempty"`       // 3.0
	ReasoningEffort string   `json:"reasoningEffort,omitempty"` // 3.4
	Files           []string `json:"files"`                     // always empty: see questionBody
}

// fileHead is the beginning of an entry of files. Its data is the rest of the URL.
type fileHead struct {
	Name string `json:"name"`
	Data string `json:"data"`
}

// questionBody is the body of a question. The bytes of its files are read and encoded while it is
// sent, so that they take no memory.
type questionBody struct {
	io.Reader
	size   int64
	opened []io.Closer
}

// Close closes the files. The transport calls it when the body is sent or not needed.
func (b *questionBody) Close() error {
	for _, f := range b.opened {
		_ = f.Close() // nothing was written to it
	}
	return nil
}

// newQuestionBody opens the files of a question. Its errors are *chat.Error.
func newQuestionBody(q chat.Question, files chat.FileOpener) (*questionBody, error) {
	head, err := encode(question{
		Text: q.Text, SessionID: q.Session, Thinking: q.Thinking, WebSearch: q.WebSearch,
		ReasoningEffort: q.ReasoningEffort, Files: []string{},
	})
	if err != nil {
		return nil, err
	}
	if len(q.Files) == 0 {
		return &questionBody{Reader: bytes.NewReader(head), size: int64(len(head))}, nil
	}
	const tail = "]}"
	b := &questionBody{}
	var parts []io.Reader
	add := func(text []byte) {
		parts = append(parts, bytes.NewReader(text))
		b.size += int64(len(text))
	}
	add(bytes.TrimSuffix(head, []byte(tail)))
	for i, f := range q.Files {
		entry, err := encode(fileHead{f.Name, "data:" + f.Type + ";base64,"})
		if err != nil {
			return nil, err
		}
		const entryEnd = `"}`
		entry = bytes.TrimSuffix(entry, []byte(entryEnd))
		if i > 0 {
			entry = append([]byte(","), entry...)
		}
		content, err := openFile(f, files)
		if err != nil {
			_ = b.Close() // its error is always nil
			return nil, err
		}
		b.opened = append(b.opened, content)
		add(entry)
		parts = append(parts, &base64Reader{r: content})
		b.size += int64(base64.StdEncoding.EncodedLen(int(f.Size)))
		add([]byte(entryEnd))
	}
	add([]byte(tail))
	b.Reader = io.MultiReader(parts...)
	return b, nil
}

// openFile opens the content of a file.
func openFile(f chat.File, files chat.FileOpener) (io.ReadCloser, error) {
	if f.Text != "" {
		return io.NopCloser(strings.NewReader(f.Text)), nil
	}
	return files.OpenFile(f)
}

// base64Reader encodes what it reads in base64.
type base64Reader struct {
	r       io.Reader
	raw     [3 << 10]byte // a multiple of 3 bytes, so that only the end is padded
	encoded [4 << 10]byte
	rest    []byte // of encoded
	err     error  // of r
}

func (b *base64Reader) Read(p []byte) (int, error) {
	if len(b.rest) == 0 && b.err == nil {
		var n int
		n, b.err = io.ReadFull(b.r, b.raw[:])
		if errors.Is(b.err, io.ErrUnexpectedEOF) {
			b.err = io.EOF
		}
		base64.StdEncoding.Encode(b.encoded[:], b.raw[:n])
		b.rest = b.encoded[:base64.StdEncoding.EncodedLen(n)]
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	if len(b.rest) == 0 && b.err != nil {
		return n, b.err
	}
	return n, nil
}
