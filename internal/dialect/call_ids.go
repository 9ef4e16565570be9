package dialect

import (
	"strings"

	"achuan/internal/chat"
)

// callPrefix begins the ids of calls in chat.Request and in the events of an answer.
const callPrefix = "call_"

// ClientCallID returns the id of a call with the prefix that the clients of a dialect know. The rest is the
// same in all dialects, so that a transcript may continue in another one.
func ClientCallID(prefix, id string) string {
	if rest, ok := strings.CutPrefix(id, callPrefix); ok {
		return prefix + rest
	}
	return id
}

// ModelCallID returns what ClientCallID was given, if id is one that it returned for an id of this server.
// It returns other ids as they are.
func ModelCallID(prefix, id string) string {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return id
	}
	if _, isOurs := chat.CallAnswer(callPrefix + rest); !isOurs {
		return id
	}
	return callPrefix + rest
}
