package openai

import "achuan/internal/chat"

// NewID returns a new id of an answer, with as many digits as OpenAI's.
func NewID() string { return chat.RandomID("chatcmpl-", 29) }
