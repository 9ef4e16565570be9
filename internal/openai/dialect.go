package openai

import (
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// DialectChat is the name of Chat Completions in chat.Request.
const DialectChat = "chat.completions"

// ChatCompletions is the dialect of Chat Completions.
type ChatCompletions struct{}

// Decode implements dialect.Dialect.
func (ChatCompletions) Decode(_ *http.Request, body []byte) (dialect.Decoded, error) {
	r, err := DecodeChat(body)
	if err != nil {
		return nil, err
	}
	r.Dialect = DialectChat
	return r, nil
}

// AppendError implements dialect.Dialect.
func (ChatCompletions) AppendError(dst []byte, e *chat.Error, _ dialect.Client) (body []byte, status int) {
	status, _ = Status(e.Kind)
	return AppendError(dst, e), status
}

// Whole implements dialect.Decoded.
func (r *ChatRequest) Whole() dialect.Whole { return NewWhole(NewID(), time.Now(), r) }

// Stream implements dialect.Decoded.
func (r *ChatRequest) Stream() dialect.Stream { return NewStream(NewID(), time.Now(), r) }
