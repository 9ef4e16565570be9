package anthropic

import (
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// DialectMessages is the name of the dialect in chat.Request.
const DialectMessages = "messages"

// Messages is the dialect of the Messages API.
type Messages struct{}

// Decode implements dialect.Dialect.
func (Messages) Decode(_ *http.Request, body []byte) (dialect.Decoded, error) {
	r, err := Decode(body)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// AppendError implements dialect.Dialect.
func (Messages) AppendError(dst []byte, e *chat.Error, c dialect.Client) (body []byte, status int) {
	status, _ = Status(e)
	return AppendError(dst, e, c.RequestID), status
}

// Whole implements dialect.Decoded.
func (r *Request) Whole() dialect.Whole { return newWhole(newID(), r) }

// Stream implements dialect.Decoded.
func (r *Request) Stream() dialect.Stream { return newStream(newID(), r) }

// newID returns a new id of an answer.
func newID() string { return chat.RandomID("msg_", 24) }
