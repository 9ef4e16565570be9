package chat

import (
	"errors"
	"time"
)

// ErrNoResponse says that the caller has no such StoredResponse.
var ErrNoResponse = errors.New("the caller has no such response")

// StoredResponse is an answer that the caller may refer to by its ID, to continue from it.
type StoredResponse struct {
	ID       string
	Previous string // the ID of the response that it continues; "" for none
	Created  time.Time
	// Messages are what the request added to the transcript. The last one is the answer.
	Messages []Message
	Body     []byte // the response object of the dialect, JSON
}
