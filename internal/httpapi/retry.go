package httpapi

import (
	"fmt"
	"net/http"
	"strconv"

	"achuan/internal/chat"
)

// Headers by which clients keep a repeated request from being done twice.
const (
	idempotencyHeader = "Idempotency-Key"
	retryCountHeader  = "X-Stainless-Retry-Count" // OpenAI's SDKs: 0 for the first try
)

// maxIdempotencyKey is the most bytes of an Idempotency-Key.
const maxIdempotencyKey = 255

// idempotencyKey returns the request's key, "" for none.
func idempotencyKey(h http.Header) (string, error) {
	key := h.Get(idempotencyHeader)
	if len(key) > maxIdempotencyKey {
		return "", chat.Invalid(chat.CodeInvalidValue, idempotencyHeader,
			fmt.Sprintf("An Idempotency-Key may have %d bytes at most.", maxIdempotencyKey))
	}
	return key, nil
}

// isRetry reports whether an SDK says that it sent the request before. Anything
// that is no number above 0 says nothing.
func isRetry(h http.Header) bool {
	n, err := strconv.Atoi(h.Get(retryCountHeader))
	return err == nil && n > 0
}
