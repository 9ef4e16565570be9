package chat

import (
	"errors"
	"time"
)

// ErrNoResponse says that the caller has no such StoredResponse.
var ErrNoResponse = errors.New("the caller has no such response")

// ErrConversationMoved says that a conversation has changed since it was read.
var ErrConversationMoved = errors.New("another request has changed the conversation")

// StoredResponse is an answer that the caller may refer to by its ID, to continue from it. Conversations are stored in
// the same way: one is an entry without messages whose Previous is the last entry of the conversation. Messages that
// a client adds to a conversation by themselves are an entry without a body.
type StoredResponse struct {
	ID       string
	Previous string // the ID of the response that it continues; "" for none
	Created  time.Time
	// Messages are what the request added to the transcript. The last one is the answer.
	Messages []Message
	Body     []byte // the object of the dialect, JSON
	// Conversation is the ID of the conversation whose last entry this one becomes; "" for none.
	Conversation string
}
