package dialect

import (
	"net/http"

	"achuan/internal/chat"
)

// Dialect is an API shape. Each route has one, so that its errors have the shape that its
// clients read. A Dialect is safe for concurrent use.
type Dialect interface {
	// Decode decodes the body of a request. Its errors are *chat.Error. Only the sources of files
	// alias the body.
	Decode(r *http.Request, body []byte) (Decoded, error)
	// AppendError appends the body of the reply to a request that failed, with the public parts of the
	// error only, and returns its HTTP status.
	AppendError(dst []byte, e *chat.Error, c Client) (body []byte, status int)
}

// Client is what a dialect may know of the client of a request that failed.
type Client struct {
	Header    http.Header // of the request
	RequestID string      // of the reply
}

// Decoded is a decoded request, which creates the writers of its answer.
type Decoded interface {
	// Common returns what all dialects have.
	Common() *Request
	Whole() Whole
	Stream() Stream
}

// Whole collects an answer and writes it at once. One goroutine uses it at a time.
type Whole interface {
	Add(ev chat.Event)
	// Complete reports whether every choice has ended. Only then is the answer whole.
	Complete() bool
	// Append appends the answer as one JSON object.
	Append(dst []byte) []byte
}

// Stream writes an answer in pieces. Everything that it appends ends between two events. One
// goroutine uses it at a time.
//
// An answer ends in one of two ways: with AppendEnd when it is Complete, or with AppendError at any
// time. Nothing follows either of them. A client may act on the end of an item, so the bytes that end
// the last item or a tool call are appended with the EventDone of the choice, and not before: only then
// has the session been saved.
type Stream interface {
	// ContentType is the media type of the stream.
	ContentType() string
	Append(dst []byte, ev chat.Event) []byte
	// Complete reports whether every choice has ended.
	Complete() bool
	AppendEnd(dst []byte) []byte
	AppendError(dst []byte, e *chat.Error) []byte
	// AppendKeepAlive appends what keeps the connection open during a silence.
	AppendKeepAlive(dst []byte) []byte
}

// PictureWriter is a Whole or a Stream that writes the bytes of pictures, if its client asked for them.
type PictureWriter interface {
	WantsPictures() bool
}

// EventStream is the media type of event streams. The charset is there because common clients read Latin-1
// without it.
const EventStream = "text/event-stream; charset=utf-8"

// KeepAliveComment is a comment of an event stream.
const KeepAliveComment = ": keep-alive\n\n"
