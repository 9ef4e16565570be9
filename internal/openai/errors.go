package openai

import (
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// statuses maps kinds of error to HTTP statuses and to types of errors.
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
	chat.KindUpgrade:        {http.StatusUpgradeRequired, "invalid_request_error"},
	chat.KindMediaType:      {http.StatusUnsupportedMediaType, "invalid_request_error"},
	chat.KindUnprocessable:  {http.StatusUnprocessableEntity, "invalid_request_error"},
	chat.KindRateLimit:      {http.StatusTooManyRequests, "rate_limit_error"},
	chat.KindQuota:          {http.StatusPaymentRequired, "insufficient_quota"},
	chat.KindBackend:        {http.StatusBadGateway, "backend_error"},
	chat.KindUnavailable:    {http.StatusServiceUnavailable, "backend_error"},
	chat.KindTimeout:        {http.StatusGatewayTimeout, "backend_error"},
}

// Status returns the HTTP status of an error of kind k and the `type` in its body. An
// unknown kind is an internal error, 500.
func Status(k chat.Kind) (status int, errorType string) {
	if int(k) >= len(statuses) {
		k = chat.KindInternal
	}
	s := statuses[k]
	return s.status, s.errorType
}

// AppendError appends the body of an error. It contains the public parts of e only.
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
