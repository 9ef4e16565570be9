package openai

import (
	"strconv"
	"time"

	"achuan/internal/chat"
)

// Stream writes one answer as the events of an event stream. Its methods append
// to a buffer of the caller's; every result ends between two events. It is used
// by one goroutine at a time.
//
// An answer ends in one of two ways: AppendEnd after the events of every choice
// have ended with an EventDone, or AppendError at any moment. After either there
// is nothing more to append.
type Stream struct {
	progress
	head         []byte // `data: {` and what all chunks begin with, up to `"choices":[`
	tail         string // from the end of the choices on
	includeUsage bool
	begun        []bool // by choice: its role was sent
}

// NewStream starts an answer of that many choices, with the ids and names that
// all its chunks have in common.
func NewStream(id, model string, created time.Time, includeUsage bool, choices int) *Stream {
	s := &Stream{progress: newProgress(choices), includeUsage: includeUsage, tail: "]}\n\n"}
	s.begun = make([]bool, len(s.ended))
	s.head = appendHead([]byte("data: "), id, "chat.completion.chunk", created.Unix(), model)
	s.head = append(s.head, `,"system_fingerprint":null,"choices":[`...)
	if includeUsage {
		s.tail = `],"usage":null}` + "\n\n"
	}
	return s
}

// Append appends the chunks that ev makes: the role before anything else of a
// choice, nothing for EventPause.
func (s *Stream) Append(dst []byte, ev chat.Event) []byte {
	if !s.take(ev) {
		return dst
	}
	if !s.begun[ev.Choice] {
		s.begun[ev.Choice] = true
		dst = s.openChunk(dst, ev.Choice)
		dst = append(dst, `"role":"assistant","content":"","refusal":null`...)
		dst = s.closeChunk(dst, "")
	}
	switch {
	case ev.Kind == chat.EventDone:
		return s.closeChunk(s.openChunk(dst, ev.Choice), ev.Finish)
	case ev.Text == "":
		return dst
	}
	dst = s.openChunk(dst, ev.Choice)
	if ev.Kind == chat.EventReasoning {
		dst = append(dst, `"reasoning_content":`...)
	} else {
		dst = append(dst, `"content":`...)
	}
	return s.closeChunk(appendJSONString(dst, ev.Text), "")
}

// openChunk appends a chunk up to the inside of its delta.
func (s *Stream) openChunk(dst []byte, choice int) []byte {
	dst = append(dst, s.head...)
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(choice), 10)
	return append(dst, `,"delta":{`...)
}

// closeChunk appends the rest of a chunk after its delta's inside.
func (s *Stream) closeChunk(dst []byte, finish chat.FinishReason) []byte {
	dst = append(dst, `},"logprobs":null,"finish_reason":`...)
	if finish == "" {
		dst = append(dst, "null"...)
	} else {
		dst = appendJSONString(dst, string(finish))
	}
	dst = append(dst, '}')
	return append(dst, s.tail...)
}

// AppendEnd appends what follows the last choice: the usage, when it was asked
// for, and the end mark. For an answer that is not Complete it appends an error
// event instead and no end mark; that a caller gets there is a mistake of its own.
func (s *Stream) AppendEnd(dst []byte) []byte {
	if !s.Complete() {
		return s.AppendError(dst, incomplete)
	}
	if s.includeUsage {
		dst = append(dst, s.head...)
		dst = append(dst, "],"...)
		dst = appendUsage(dst, s.Usage())
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// AppendError appends the one event that says that the answer failed.
func (s *Stream) AppendError(dst []byte, e *chat.Error) []byte {
	dst = append(dst, "data: "...)
	dst = AppendError(dst, e)
	return append(dst, "\n\n"...)
}
