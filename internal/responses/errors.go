package responses

import (
	"net/http"
	"strconv"
	"time"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
	"achuan/internal/openai"
)

// AppendError appends the body of an error, which has the shape of Chat Completions, and returns its status. Codex
// repeats a request after 402, 409 and 422, so it gets these as statuses that it takes as final.
func AppendError(dst []byte, e *chat.Error, isCodex bool) (body []byte, status int) {
	status, _ = openai.Status(e.Kind)
	shown := *e
	switch {
	case e.Code == chat.CodeModelNotFound:
		status = http.StatusNotFound
	case !isCodex:
	case e.Kind == chat.KindQuota:
		shown.Code, status = chat.CodeInsufficientQuota, http.StatusTooManyRequests
	case e.Kind == chat.KindUnprocessable:
		status = http.StatusBadRequest
	}
	return openai.AppendError(dst, &shown), status
}

// failureCode returns the code of a failed response. Codex ends for good after some of them, and repeats the request
// after the others.
func failureCode(e *chat.Error) string {
	switch e.Kind {
	case chat.KindRateLimit:
		return "rate_limit_exceeded"
	case chat.KindQuota:
		return "insufficient_quota"
	case chat.KindInternal, chat.KindBackend, chat.KindUnavailable, chat.KindTimeout, chat.KindConflict:
		return "server_error"
	}
	if e.Code == chat.CodeContextLengthExceeded {
		return string(e.Code)
	}
	return "invalid_prompt"
}

// appendFailure appends the error of a failed response. Codex reads from the message when it may ask again.
func appendFailure(dst []byte, e *chat.Error) []byte {
	message := e.Sentence()
	if e.Kind == chat.KindRateLimit && e.RetryAfter > 0 {
		message += " Please try again in " + strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)) + "s."
	}
	dst = append(dst, `{"code":"`+failureCode(e)+`","message":`...)
	return append(jsonval.AppendString(dst, message), '}')
}
