package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// statusClientGone is what the log calls a request whose client did not wait for
// the end. It is never sent.
const statusClientGone = 499

// Headers that tell a client what to do about an error.
const (
	retryAfterHeader  = "Retry-After"
	shouldRetryHeader = "X-Should-Retry" // OpenAI's SDKs obey it, whatever the status
)

// maxRetryAfter bounds what a client is asked to wait.
const maxRetryAfter = 60 * time.Second

// errClientGone is wrapped by errors that say that there is nobody left to write
// to: the client closed the connection, or stopped reading.
var errClientGone = errors.New("the client is gone")

// clientGoneError wraps a failure to write to the client, or to read from it.
func clientGoneError(err error) error { return fmt.Errorf("%w: %w", errClientGone, err) }

// checkContext says that nobody waits for the answer any more, nil when someone does.
func checkContext(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if e, ok := errors.AsType[*chat.Error](cause); ok {
		return e // this program ended it, not the client
	}
	return clientGoneError(cause)
}

// mayRetryHelp reports whether the same request may succeed later. Every 4xx says
// that it cannot, except a busy session (409) and a rate limit (429); of the 5xx only
// a refused login does, whose status clients would repeat.
func mayRetryHelp(status int, code chat.Code) bool {
	switch {
	case status == http.StatusConflict, status == http.StatusTooManyRequests:
		return true
	case status < http.StatusInternalServerError:
		return false
	}
	return code != chat.CodeBackendAuth
}

// handler is an http.HandlerFunc that returns what went wrong. What it has
// written before that stays; if it has written nothing, the error is the answer.
type handler func(http.ResponseWriter, *http.Request) error

// adapt makes an http.Handler of h.
func (s *Server) adapt(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// fail ends a request with an error: it notes it for the log and, when no byte of
// the reply has left, answers with it. A client that is gone gets nothing: the
// connection is aborted, because an empty reply would be a 200.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := stateOf(r)
	if isClientGone(r, err) {
		x.isClientGone = true
		panic(http.ErrAbortHandler)
	}
	e := publicError(err, requestIDOf(r))
	x.err = e
	if statusOf(w) == 0 {
		writeError(w, e)
	}
}

// isClientGone reports whether the request ended because its client left, however
// that showed.
func isClientGone(r *http.Request, err error) bool {
	if errors.Is(err, errSlowBody) {
		return false
	}
	return errors.Is(err, errClientGone) || errors.Is(checkContext(r.Context()), errClientGone)
}

// publicError returns err as the client may see it. An internal error's message is
// given the request id, which stands beside its cause in the log.
func publicError(err error, requestID string) *chat.Error {
	e := chat.AsError(err)
	if e.Kind != chat.KindInternal {
		return e
	}
	c := *e
	c.Message += " Request id: " + requestID + "."
	return &c
}

func writeError(w http.ResponseWriter, e *chat.Error) {
	h := w.Header()
	if e.RetryAfter > 0 {
		wait := min(e.RetryAfter, maxRetryAfter)
		seconds := int((wait + time.Second - 1) / time.Second)
		h.Set(retryAfterHeader, strconv.Itoa(seconds))
	}
	status, _ := openai.Status(e.Kind)
	if !mayRetryHelp(status, e.Code) {
		h.Set(shouldRetryHeader, "false")
	}
	// The log has the error already; that it could not be delivered changes nothing.
	_ = writeJSON(w, status, openai.AppendError(nil, e))
}

// writeJSON writes a whole reply.
func writeJSON(w http.ResponseWriter, status int, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return clientGoneError(err)
	}
	return nil
}

// statusOf returns the status of what w has written, 0 for nothing.
func statusOf(w http.ResponseWriter) int {
	if sw, ok := w.(*writer); ok {
		return sw.status
	}
	return 0
}

// maxShownPath bounds what of a client's path is said back to it.
const maxShownPath = 200

// methodNotAllowed answers for a route's path under a method it does not have.
func methodNotAllowed(allowed []string) handler {
	allow := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", allow)
		return &chat.Error{
			Kind: chat.KindMethod, Code: chat.CodeMethodNotAllowed,
			Message: fmt.Sprintf("%s is not allowed on this path; allowed: %s.", chat.Truncate(r.Method, maxShownPath), allow),
		}
	}
}
