package responses

import (
	"net/http"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// DialectResponses is the name of the dialect in chat.Request.
const DialectResponses = "responses"

// Responses is the dialect of the Responses API.
type Responses struct{}

// Decode implements dialect.Dialect.
func (Responses) Decode(r *http.Request, body []byte) (dialect.Decoded, error) {
	req, err := Decode(body)
	if err != nil {
		return nil, err
	}
	req.isCodex = isCodex(r.Header)
	return req, nil
}

// AppendError implements dialect.Dialect.
func (Responses) AppendError(dst []byte, e *chat.Error, c dialect.Client) (body []byte, status int) {
	return AppendError(dst, e, isCodex(c.Header))
}

// isCodex reports whether Codex sends the request. It repeats requests after statuses that other clients take as
// final.
func isCodex(h http.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Originator")), "codex")
}

// Whole implements dialect.Decoded.
func (r *Request) Whole() dialect.Whole { return newWhole(newIDs(), r) }

// Stream implements dialect.Decoded.
func (r *Request) Stream() dialect.Stream { return newStream(newIDs(), r) }
