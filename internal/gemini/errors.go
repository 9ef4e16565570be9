package gemini

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// statuses maps kinds of error to HTTP statuses and to Google's names of them.
var statuses = [...]struct {
	status int
	name   string
}{
	chat.KindInternal:       {http.StatusInternalServerError, "INTERNAL"},
	chat.KindInvalid:        {http.StatusBadRequest, "INVALID_ARGUMENT"},
	chat.KindAuthentication: {http.StatusUnauthorized, "UNAUTHENTICATED"},
	chat.KindPermission:     {http.StatusForbidden, "PERMISSION_DENIED"},
	chat.KindNotFound:       {http.StatusNotFound, "NOT_FOUND"},
	chat.KindMethod:         {http.StatusMethodNotAllowed, "INVALID_ARGUMENT"},
	chat.KindConflict:       {http.StatusConflict, "ABORTED"},
	chat.KindTooLarge:       {http.StatusRequestEntityTooLarge, "INVALID_ARGUMENT"},
	chat.KindUpgrade:        {http.StatusUpgradeRequired, "INVALID_ARGUMENT"},
	chat.KindMediaType:      {http.StatusUnsupportedMediaType, "INVALID_ARGUMENT"},
	chat.KindUnprocessable:  {http.StatusBadRequest, "INVALID_ARGUMENT"},
	chat.KindRateLimit:      {http.StatusTooManyRequests, "RESOURCE_EXHAUSTED"},
	chat.KindQuota:          {http.StatusTooManyRequests, "RESOURCE_EXHAUSTED"},
	chat.KindBackend:        {http.StatusBadGateway, "UNAVAILABLE"},
	chat.KindUnavailable:    {http.StatusServiceUnavailable, "UNAVAILABLE"},
	chat.KindTimeout:        {http.StatusGatewayTimeout, "DEADLINE_EXCEEDED"},
}

// AppendError appends the body of an error, which is also its event in a stream, and returns its status. It contains
// the public parts of e only. gemini-cli stops at a failure of the daily quota, and repeats other requests.
func AppendError(dst []byte, e *chat.Error) (body []byte, status int) {
	k := e.Kind
	if e.Code == chat.CodeModelNotFound {
		k = chat.KindNotFound
	}
	if int(k) >= len(statuses) {
		k = chat.KindInternal
	}
	s := statuses[k]
	message := e.Sentence()
	switch {
	case e.Code == chat.CodeContextLengthExceeded && e.Tokens > 0:
		message = fmt.Sprintf("The input token count (%d) exceeds the maximum number of tokens allowed (%d).", e.Tokens, e.MaxTokens)
	case e.Param != "" && k == chat.KindInvalid:
		message = e.Param + ": " + message
	}
	dst = append(dst, `{"error":{"code":`...)
	dst = strconv.AppendInt(dst, int64(s.status), 10)
	dst = append(dst, `,"message":`...)
	dst = jsonval.AppendString(dst, message)
	dst = append(dst, `,"status":"`+s.name+`"`...)
	switch {
	case k == chat.KindQuota:
		dst = append(dst, `,"details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"PointsPerDay"}]}]`...)
	case k == chat.KindRateLimit && e.RetryAfter > 0:
		seconds := strconv.Itoa(int((e.RetryAfter + time.Second - 1) / time.Second))
		dst = append(dst, `,"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"`+seconds+`s"}]`...)
	case k == chat.KindAuthentication:
		dst = append(dst, `,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com"}]`...)
	}
	return append(dst, "}}"...), s.status
}
