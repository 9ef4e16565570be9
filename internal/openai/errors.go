package openai

import (
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// statuses is the one table from kinds of error to what HTTP says of them.
var statuses = [...]struct {
	status    int
	errorType string
}{
	chat.KindInternal:       {http.StatusInternalServerError, "internal_error"},
	chat.KindInvalid:        {http.StatusBadRequest, "invalid_request_error"},
	chat.KindAuthentication: {http.StatusUnauthorized, "authentication_error"},
	chat.KindPermission:     {http.StatusForbidden, "invalid_request_error"},
	chat.KindNotFound:       {http.StatusNotFound, "invalid_request_error"},
	chat.KindMethod:         {http.StatusMethodNotAllowed, "invalid_request_error"},
	chat.KindConflict:       {http.StatusConflict, "conflict_error"},
	chat.KindTooLarge:       {http.StatusRequestEntityTooLarge, "invalid_request_error"},
	chat.KindMediaType:      {http.StatusUnsupportedMediaType, "invalid_request_error"},
	chat.KindUnprocessable:  {http.StatusUnprocessableEntity, "invalid_request_error"},
	chat.KindRateLimit:      {http.StatusTooManyRequests, "rate_limit_error"},
	chat.KindQuota:          {http.StatusPaymentRequired, "insufficient_quota"},
	chat.KindBackend:        {http.StatusBadGateway, "backend_error"},
	chat.KindUnavailable:    {http.StatusServiceUnavailable, "backend_error"},
	chat.KindTimeout:        {http.StatusGatewayTimeout, "backend_error"},
}

// Status returns the HTTP status of an error of kind k and the `type` in its body.
// A kind that it does not know is a fault of ours: 500.
func Status(k chat.Kind) (status int, errorType string) {
	if int(k) >= len(statuses) {
		k = chat.KindInternal
	}
	s := statuses[k]
	return s.status, s.errorType
}

// AppendError appends the body of an error: its public parts and nothing of the
// cause.
func AppendError(dst []byte, e *chat.Error) []byte {
	_, errorType := Status(e.Kind)
	dst = append(dst, `{"error":{"message":`...)
	dst = jsonval.AppendString(dst, e.Sentence())
	dst = append(dst, `,"type":"`...)
	dst = append(dst, errorType...)
	dst = append(dst, `","param":`...)
	dst = jsonval.AppendStringOrNull(dst, e.Param)
	dst = append(dst, `,"code":`...)
	dst = jsonval.AppendStringOrNull(dst, string(e.Code))
	return append(dst, "}}"...)
}
