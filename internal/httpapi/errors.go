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
	"achuan/internal/dialect"
)

// statusClientGone is the status in the log of a request whose client left before the
// end. It is never sent.
const statusClientGone = 499

// Headers that tell a client whether and when to repeat a request.
const (
	retryAfterHeader  = "Retry-After"
	shouldRetryHeader = "X-Should-Retry" // OpenAI's SDKs obey it, whatever the status
)

// maxRetryAfter is the longest wait that a client is asked for.
const maxRetryAfter = 60 * time.Second

// errClientGone is wrapped by errors that say that the client closed the connection or
// stopped reading.
var errClientGone = errors.New("the client is gone")

// clientGoneError wraps a failure to write to the client or to read from it.
func clientGoneError(err error) error { return fmt.Errorf("%w: %w", errClientGone, err) }

// checkContext returns nil while the client waits for the answer, and otherwise why the
// request ended.
func checkContext(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if e, ok := errors.AsType[*chat.Error](cause); ok {
		return e // this program ended the request, not the client
	}
	return clientGoneError(cause)
}

// mayRetryHelp reports whether the same request may succeed later. After a 4xx it cannot,
// except for a busy session (409) and a rate limit (429). After a 5xx it can, except for a
// login that the platform refuses: clients would repeat that status in vain.
func mayRetryHelp(status int, code chat.Code) bool {
	switch {
	case status == http.StatusConflict, status == http.StatusTooManyRequests:
		return true
	case status < http.StatusInternalServerError:
		return false
	}
	return code != chat.CodeBackendAuth
}

// handler is an http.HandlerFunc that returns its error. If it has written nothing, the
// error is the reply; otherwise what it has written stays.
type handler func(http.ResponseWriter, *http.Request) error

// adapt makes an http.Handler of h.
func (s *Server) adapt(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// fail ends a request with an error. It records the error for the log and, if no byte of
// the reply was sent, replies with it in the dialect of the route. For a client that is
// gone it aborts the connection, because an empty reply would be a 200.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	x := stateOf(r)
	if isClientGone(r, err) {
		x.isClientGone = true
		panic(http.ErrAbortHandler)
	}
	e := publicError(err, requestIDOf(r))
	x.err = e
	if statusOf(w) == 0 {
		writeError(w, r, e)
	}
}

// isClientGone reports whether the request ended because its client left, whether the
// error or the context shows it.
func isClientGone(r *http.Request, err error) bool {
	if errors.Is(err, errSlowBody) {
		return false
	}
	return errors.Is(err, errClientGone) || errors.Is(checkContext(r.Context()), errClientGone)
}

// publicError returns err as the client may see it. It adds the request id to the message
// of an internal error; in the log, the id is in the same line as the cause.
func publicError(err error, requestID string) *chat.Error {
	e := chat.AsError(err)
	if e.Kind != chat.KindInternal {
		return e
	}
	c := *e
	c.Message += " Request id: " + requestID + "."
	return &c
}

func writeError(w http.ResponseWriter, r *http.Request, e *chat.Error) {
	h := w.Header()
	if e.RetryAfter > 0 {
		wait := min(e.RetryAfter, maxRetryAfter)
		seconds := int((wait + time.Second - 1) / time.Second)
		h.Set(retryAfterHeader, strconv.Itoa(seconds))
	}
	client := dialect.Client{Header: r.Header, RequestID: requestIDOf(r)}
	body, status := stateOf(r).dialect.AppendError(nil, e, client)
	if !mayRetryHelp(status, e.Code) {
		h.Set(shouldRetryHeader, "false")
	}
	// The log already has the error. A failure to deliver it changes nothing.
	_ = writeJSON(w, status, body)
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

// statusOf returns the status that was written to w, or 0.
func statusOf(w http.ResponseWriter) int {
	if sw, ok := w.(*writer); ok {
		return sw.status
	}
	return 0
}

// maxShownPath is the number of bytes of a client's path that a message repeats.
const maxShownPath = 200

// methodNotAllowed returns the handler of a known path under another method.
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
