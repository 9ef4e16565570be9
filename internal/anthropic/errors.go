package anthropic

import (
	"fmt"
	"net/http"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// statuses maps kinds of error to HTTP statuses and to Anthropic's types of errors.
var statuses = [...]struct {
	status    int
	errorType string
}{
	chat.KindInternal:       {http.StatusInternalServerError, "api_error"},
	chat.KindInvalid:        {http.StatusBadRequest, "invalid_request_error"},
	chat.KindAuthentication: {http.StatusUnauthorized, "authentication_error"},
	chat.KindPermission:     {http.StatusForbidden, "permission_error"},
	chat.KindNotFound:       {http.StatusNotFound, "not_found_error"},
	chat.KindMethod:         {http.StatusMethodNotAllowed, "invalid_request_error"},
	chat.KindConflict:       {http.StatusConflict, "invalid_request_error"},
	chat.KindTooLarge:       {http.StatusRequestEntityTooLarge, "request_too_large"},
	chat.KindUpgrade:        {http.StatusUpgradeRequired, "invalid_request_error"},
	chat.KindMediaType:      {http.StatusUnsupportedMediaType, "invalid_request_error"},
	chat.KindUnprocessable:  {http.StatusUnprocessableEntity, "invalid_request_error"},
	chat.KindRateLimit:      {http.StatusTooManyRequests, "rate_limit_error"},
	chat.KindQuota:          {http.StatusPaymentRequired, "billing_error"},
	chat.KindBackend:        {http.StatusBadGateway, "api_error"},
	chat.KindUnavailable:    {http.StatusServiceUnavailable, "overloaded_error"},
	chat.KindTimeout:        {http.StatusGatewayTimeout, "timeout_error"},
}

// Status returns the HTTP status of an error and the type in its body. An unknown model is 404 here, because
// Claude Code then tells how to choose another one.
func Status(e *chat.Error) (status int, errorType string) {
	k := e.Kind
	if e.Code == chat.CodeModelNotFound {
		k = chat.KindNotFound
	}
	if int(k) >= len(statuses) {
		k = chat.KindInternal
	}
	s := statuses[k]
	return s.status, s.errorType
}

// AppendError appends the body of an error, which is also its event in a stream. It contains the public parts
// of e only. The message begins with the path of the field at fault, as Anthropic's do.
func AppendError(dst []byte, e *chat.Error, requestID string) []byte {
	_, errorType := Status(e)
	message := e.Sentence()
	switch {
	case e.Code == chat.CodeContextLengthExceeded && e.Tokens > 0:
		// Claude Code reads the numbers, makes its transcript shorter and asks again. Nothing may stand in front.
		message = fmt.Sprintf("prompt is too long: %d tokens > %d maximum", e.Tokens, e.MaxTokens)
	case e.Param != "" && e.Kind == chat.KindInvalid:
		message = dottedPath(e.Param) + ": " + message
	}
	dst = append(dst, `{"type":"error","error":{"type":"`...)
	dst = append(dst, errorType...)
	dst = append(dst, `","message":`...)
	dst = jsonval.AppendString(dst, message)
	dst = append(dst, `},"request_id":`...)
	dst = jsonval.AppendStringOrNull(dst, requestID)
	return append(dst, '}')
}

// dottedPath returns a path as Anthropic writes it: messages.0.content for messages[0].content.
func dottedPath(path string) string {
	return strings.NewReplacer("[", ".", "]", "").Replace(path)
}
