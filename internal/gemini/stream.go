package gemini

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// stream writes one answer as chunks, in an event stream or in a JSON array.
//
// A call is one whole part, which a client acts on at once. So calls come with the last chunk, which has the finish
// reason: after the answer has been saved.
type stream struct {
	dialect.Progress
	id         string
	req        *Request
	candidates []candidate // their calls
	chunks     int
}

func newStream(id string, r *Request) *stream {
	s := &stream{Progress: dialect.NewProgress(r.N), id: id, req: r}
	s.candidates = make([]candidate, s.Choices())
	return s
}

// WantsPictures implements dialect.PictureWriter.
func (s *stream) WantsPictures() bool { return s.req.wantsPictures }

// ContentType implements dialect.Stream.
func (s *stream) ContentType() string {
	if s.req.isArray {
		return "application/json; charset=utf-8"
	}
	return "text/event-stream"
}

// AppendKeepAlive implements dialect.Stream: with an empty line. gemini-cli fails at comments.
func (s *stream) AppendKeepAlive(dst []byte) []byte { return append(dst, "\r\n"...) }

// open begins a chunk, in the form of the stream.
func (s *stream) open(dst []byte) []byte {
	switch {
	case !s.req.isArray:
		dst = append(dst, "data: "...)
	case s.chunks == 0:
		dst = append(dst, '[')
	default:
		dst = append(dst, ",\r\n"...)
	}
	s.chunks++
	return dst
}

func (s *stream) close(dst []byte) []byte {
	if s.req.isArray {
		return dst
	}
	return append(dst, "\r\n\r\n"...)
}

// Append implements dialect.Stream.
func (s *stream) Append(dst []byte, ev chat.Event) []byte {
	if !s.Accept(ev) {
		return dst
	}
	c := &s.candidates[ev.Choice]
	switch ev.Kind {
	case chat.EventPicture:
		if ev.Picture == nil {
			return dst
		}
		dst = append(s.open(dst), `{"candidates":[{"content":{"role":"model","parts":[`...)
		dst = append(appendPicturePart(dst, ev.Picture), `]},"index":`...)
		dst = append(strconv.AppendInt(dst, int64(ev.Choice), 10), "}]"...)
		return s.close(s.appendTail(dst))
	case chat.EventReasoning, chat.EventText:
		isThought := ev.Kind == chat.EventReasoning
		if ev.Text == "" || isThought && s.req.hidesThoughts {
			return dst
		}
		dst = append(s.open(dst), `{"candidates":[{"content":{"role":"model","parts":[`...)
		dst = appendTextPart(dst, ev.Text, isThought)
		dst = append(dst, `]},"index":`...)
		dst = append(strconv.AppendInt(dst, int64(ev.Choice), 10), "}]"...)
		return s.close(s.appendTail(dst))
	case chat.EventToolCall:
		c.addCall(ev, s.req)
	case chat.EventDone:
		dst = append(s.open(dst), `{"candidates":[{"content":{"role":"model","parts":[`...)
		for i := range c.calls {
			dst = append(c.calls[i].appendPart(dst, i == 0), ',')
		}
		if len(c.calls) == 0 { // a chunk without a part would make clients forget the answer
			dst = append(appendTextPart(dst, "", false), ',')
		}
		dst = append(appendEnd(dst[:len(dst)-1], ev, ev.Choice), ']')
		return s.close(s.req.appendTail(dst, s.id, s.Usage()))
	}
	return dst
}

// appendTail appends what follows the candidates of a chunk before the last.
func (s *stream) appendTail(dst []byte) []byte {
	dst = append(dst, `,"modelVersion":`...)
	dst = jsonval.AppendString(dst, s.req.Model)
	dst = append(dst, `,"responseId":"`...)
	return append(append(dst, s.id...), `"}`...)
}

// AppendEnd implements dialect.Stream.
func (s *stream) AppendEnd(dst []byte) []byte {
	if !s.Complete() {
		return s.AppendError(dst, dialect.ErrIncomplete)
	}
	if s.req.isArray {
		dst = append(dst, ']')
	}
	return dst
}

// AppendError implements dialect.Stream.
func (s *stream) AppendError(dst []byte, e *chat.Error) []byte {
	dst, _ = AppendError(s.open(dst), e)
	if s.req.isArray {
		return append(dst, ']')
	}
	return s.close(dst)
}
