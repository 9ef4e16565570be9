package httpapi

import (
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// dialect is an API shape. Each route has one, so that its errors have the shape that its
// clients read. The models and sessions routes have OpenAI's.
type dialect interface {
	// decode reads the body of a request. Its errors are *chat.Error.
	decode(body []byte) (dialectRequest, error)
	// status returns the HTTP status of an error of that kind, and its type in the
	// dialect's words.
	status(kind chat.Kind) (status int, errorType string)
	// appendError appends the body of an error: its public parts only.
	appendError(dst []byte, e *chat.Error) []byte
}

// dialectRequest is a decoded request, which creates the writers of its answer.
type dialectRequest interface {
	// common returns the request for the gateway. Caller, Session and the fields that
	// come from headers are still empty.
	common() *chat.Request
	// details returns what the body says besides.
	details() requestDetails
	// checkResults returns an error if a tool result has no call. It is not for requests
	// that name a session by its id: the session may have the call.
	checkResults() error

	whole() wholeWriter
	stream() streamWriter
}

// requestDetails are the parts of a body that do not reach the gateway as they are.
type requestDetails struct {
	sessionID   int64    // of the session that the body names, or 0
	sessionName string   // that the body gives its session, or ""
	hasFiles    bool     // a message has a file, whose source aliases the body
	unknown     []string // ignored keys that the dialect does not know
}

// wholeWriter collects an answer and writes it at once.
type wholeWriter interface {
	Add(ev chat.Event)
	// Complete reports whether every choice has ended.
	Complete() bool
	Append(dst []byte) []byte
}

// streamWriter writes an answer as the events of an event stream. Everything that it
// appends ends between two events.
type streamWriter interface {
	Append(dst []byte, ev chat.Event) []byte
	// Complete reports whether every choice has ended.
	Complete() bool
	// AppendEnd ends a complete answer, AppendError one that failed.
	AppendEnd(dst []byte) []byte
	AppendError(dst []byte, e *chat.Error) []byte
}

// defaultDialect is the dialect of a request whose route has none of its own.
var defaultDialect dialect = chatCompletions{}

// dialectChat is the name of the dialect in chat.Request.
const dialectChat = "chat.completions"

// chatCompletions is OpenAI's Chat Completions.
type chatCompletions struct{}

func (chatCompletions) decode(body []byte) (dialectRequest, error) {
	r, err := openai.DecodeChat(body)
	if err != nil {
		return nil, err
	}
	r.Dialect = dialectChat
	return chatCompletionsRequest{r}, nil
}

func (chatCompletions) status(kind chat.Kind) (status int, errorType string) {
	return openai.Status(kind)
}

func (chatCompletions) appendError(dst []byte, e *chat.Error) []byte {
	return openai.AppendError(dst, e)
}

type chatCompletionsRequest struct{ *openai.ChatRequest }

func (r chatCompletionsRequest) common() *chat.Request { return &r.Request }

func (r chatCompletionsRequest) details() requestDetails {
	return requestDetails{sessionID: r.MetadataSession, sessionName: r.User, hasFiles: r.HasFiles, unknown: r.Unknown}
}

func (r chatCompletionsRequest) checkResults() error { return r.CheckResults() }

func (r chatCompletionsRequest) whole() wholeWriter {
	return openai.NewWhole(openai.NewID(), time.Now(), r.ChatRequest)
}

func (r chatCompletionsRequest) stream() streamWriter {
	return openai.NewStream(openai.NewID(), time.Now(), r.ChatRequest)
}
