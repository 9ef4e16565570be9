package httpapi

import (
	"fmt"
	"net/http"
	"strconv"

	"achuan/internal/chat"
)

// Headers that keep a repeated request from running twice.
const (
	idempotencyHeader = "Idempotency-Key"
	retryCountHeader  = "X-Stainless-Retry-Count" // OpenAI's SDKs: 0 for the first try
)

// maxIdempotencyKey is the size of an Idempotency-Key in bytes.
const maxIdempotencyKey = 255

// idempotencyKey returns the key of a request, or "".
func idempotencyKey(h http.Header) (string, error) {
	key := h.Get(idempotencyHeader)
	if len(key) > maxIdempotencyKey {
		return "", chat.Invalid(chat.CodeInvalidValue, idempotencyHeader,
			fmt.Sprintf("An Idempotency-Key may have %d bytes at most.", maxIdempotencyKey))
	}
	return key, nil
}

// isRetry reports whether an SDK says that it sent the request before. It ignores anything
// that is not a number above 0.
func isRetry(h http.Header) bool {
	n, err := strconv.Atoi(h.Get(retryCountHeader))
	return err == nil && n > 0
}
