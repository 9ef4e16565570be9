package openai

import (
	"strconv"
	"time"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Stream writes one answer as the events of an event stream. Its methods append to a
// buffer of the caller, and everything that they append ends between two events. One
// goroutine uses it at a time.
//
// An answer ends in one of two ways: with AppendEnd after the EventDone of every choice,
// or with AppendError at any time. Nothing follows either of them.
type Stream struct {
	dialect.Progress
	head         []byte // `data: {` and what all chunks begin with, up to `"choices":[`
	tail         string // what all chunks end with, from the end of the choices on
	includeUsage bool
	isLegacy     bool   // calls go out as function_call
	hasBegun     []bool // by choice: whether its role was sent
	pictures     []int  // by choice: number of pictures so far
	sizes        []int  // by choice: characters of text so far, for a request that searches the web
	req          *ChatRequest
}

// NewStream starts the answer to a request. All its chunks have the same id and time.
func NewStream(id string, created time.Time, r *ChatRequest) *Stream {
	s := &Stream{Progress: dialect.NewProgress(r.N), includeUsage: r.IncludeUsage, isLegacy: r.LegacyCalls, req: r, tail: "]}\n\n"}
	s.hasBegun, s.pictures = make([]bool, s.Choices()), make([]int, s.Choices())
	if r.WebSearch {
		s.sizes = make([]int, s.Choices())
	}
	s.head = make([]byte, 0, 192+len(r.Model)) // as long as the head is, unless the model's name has escapes
	s.head = appendHead(append(s.head, "data: "...), id, "chat.completion.chunk", created.Unix(), r.Model)
	s.head = append(s.head, `,"system_fingerprint":null,"choices":[`...)
	if s.includeUsage {
		s.tail = `],"usage":null}` + "\n\n"
	}
	return s
}

// Append appends the chunks of ev. The first chunk of a choice has its role. EventPause
// gives no chunk.
func (s *Stream) Append(dst []byte, ev chat.Event) []byte {
	if !s.Accept(ev) {
		return dst
	}
	if !s.hasBegun[ev.Choice] {
		s.hasBegun[ev.Choice] = true
		dst = s.openChunk(dst, ev.Choice)
		content := `""`
		if ev.Kind == chat.EventToolCall {
			content = "null"
		}
		dst = append(dst, `"role":"assistant","content":`+content+`,"refusal":null`...)
		dst = s.closeChunk(dst, "")
	}
	switch {
	case ev.Kind == chat.EventDone:
		if len(ev.Citations) > 0 {
			dst = append(s.openChunk(dst, ev.Choice), `"annotations":`...)
			dst = s.closeChunk(appendAnnotations(dst, ev.Citations, s.size(ev.Choice)), "")
		}
		return s.closeChunk(s.openChunk(dst, ev.Choice), finishReason(ev.Finish, s.isLegacy))
	case ev.Kind == chat.EventToolCall:
		return s.appendCall(dst, ev)
	case ev.Text == "":
		return dst
	case ev.Kind == chat.EventPicture:
		dst = append(s.openChunk(dst, ev.Choice), `"images":[`...)
		dst = appendPicture(dst, s.pictures[ev.Choice], ev.Text)
		s.pictures[ev.Choice]++
		return s.closeChunk(append(dst, ']'), "")
	}
	if s.sizes != nil && ev.Kind == chat.EventText {
		s.sizes[ev.Choice] += utf8.RuneCountInString(ev.Text)
	}
	dst = s.openChunk(dst, ev.Choice)
	if ev.Kind == chat.EventReasoning {
		dst = append(dst, `"reasoning_content":`...)
	} else {
		dst = append(dst, `"content":`...)
	}
	return s.closeChunk(jsonval.AppendString(dst, ev.Text), "")
}

// appendCall appends the chunks of a piece of a tool call: one with the id and the name
// but no arguments, and one with arguments.
func (s *Stream) appendCall(dst []byte, ev chat.Event) []byte {
	if ev.CallID != "" {
		dst = s.openCall(dst, ev)
		if !s.isLegacy {
			dst = appendCallHead(append(dst, ','), ev.CallID)
		}
		dst = appendFunction(dst, s.req.ClientName(ev.CallName), "")
		dst = s.closeCall(dst)
	}
	if ev.Text == "" {
		return dst
	}
	dst = s.openCall(dst, ev)
	if !s.isLegacy {
		dst = append(dst, `,"function":`...)
	}
	dst = append(dst, `{"arguments":`...)
	dst = jsonval.AppendString(dst, ev.Text)
	return s.closeCall(append(dst, '}'))
}

// openCall appends a chunk up to the inside of its call.
func (s *Stream) openCall(dst []byte, ev chat.Event) []byte {
	dst = s.openChunk(dst, ev.Choice)
	if s.isLegacy {
		return append(dst, `"function_call":`...)
	}
	dst = append(dst, `"tool_calls":[{"index":`...)
	return strconv.AppendInt(dst, int64(ev.Call), 10)
}

func (s *Stream) closeCall(dst []byte) []byte {
	if !s.isLegacy {
		dst = append(dst, "}]"...)
	}
	return s.closeChunk(dst, "")
}

// openChunk appends a chunk up to the inside of its delta.
func (s *Stream) openChunk(dst []byte, choice int) []byte {
	dst = append(dst, s.head...)
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(choice), 10)
	return append(dst, `,"delta":{`...)
}

// closeChunk appends the part of a chunk after the inside of its delta.
func (s *Stream) closeChunk(dst []byte, finish string) []byte {
	dst = append(dst, `},"logprobs":null,"finish_reason":`...)
	if finish == "" {
		dst = append(dst, "null"...)
	} else {
		dst = jsonval.AppendString(dst, finish)
	}
	dst = append(dst, '}')
	return append(dst, s.tail...)
}

// AppendEnd appends the end of the answer: the usage, if the client asked for it, and the
// end mark. For an answer that is not Complete, which is a mistake of the caller, it
// appends an error event and no end mark.
func (s *Stream) AppendEnd(dst []byte) []byte {
	if !s.Complete() {
		return s.AppendError(dst, dialect.ErrIncomplete)
	}
	if s.includeUsage {
		dst = append(dst, s.head...)
		dst = append(dst, "],"...)
		dst = appendUsage(dst, s.Usage())
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// AppendError appends the event that says that the answer failed.
func (s *Stream) AppendError(dst []byte, e *chat.Error) []byte {
	dst = append(dst, "data: "...)
	dst = AppendError(dst, e)
	return append(dst, "\n\n"...)
}

// ContentType implements dialect.Stream. The charset is there because common clients read Latin-1 without
// it.
func (s *Stream) ContentType() string { return dialect.EventStream }

// AppendKeepAlive implements dialect.Stream: with a comment, which every client of this dialect skips.
func (s *Stream) AppendKeepAlive(dst []byte) []byte { return append(dst, dialect.KeepAliveComment...) }

// size returns the number of characters of a choice's text, which is counted for answers with citations only.
func (s *Stream) size(choice int) int {
	if s.sizes == nil {
		return 0
	}
	return s.sizes[choice]
}
