package ollama

import (
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
	"achuan/internal/openai"
)

// DialectOllama is the name of the dialect in chat.Request.
const DialectOllama = "ollama"

// Ollama is the dialect of one of the two requests that ask a model.
type Ollama struct {
	Generates bool // POST /api/generate, not /api/chat
}

// Decode implements dialect.Dialect.
func (d Ollama) Decode(_ *http.Request, body []byte) (dialect.Decoded, error) {
	decode := DecodeChat
	if d.Generates {
		decode = DecodeGenerate
	}
	r, err := decode(body)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// AppendError implements dialect.Dialect.
func (Ollama) AppendError(dst []byte, e *chat.Error, _ dialect.Client) (body []byte, status int) {
	status, _ = openai.Status(e.Kind)
	if e.Code == chat.CodeModelNotFound {
		status = http.StatusNotFound
	}
	return AppendError(dst, e), status
}

// AppendError appends the body of an error, which is also its line in a stream: clients show the text as it is.
func AppendError(dst []byte, e *chat.Error) []byte {
	message := e.Sentence()
	if e.Param != "" && e.Kind == chat.KindInvalid {
		message = e.Param + ": " + message
	}
	return append(jsonval.AppendString(append(dst, `{"error":`...), message), '}')
}

// Whole implements dialect.Decoded.
func (r *Request) Whole() dialect.Whole { return newWhole(time.Now(), r) }

// Stream implements dialect.Decoded.
func (r *Request) Stream() dialect.Stream { return newStream(time.Now(), r) }
