// Package access finds out who sends a request: it holds the client keys and turns the key in a request's headers
// into a chat.Caller. It also holds the operator's key (AdminKey). Limits and budgets of callers belong here too.
//
// The package stores only the SHA-256 of each key and shows no key, neither in an error nor in a log. Other packages
// decide what a caller may do with a session.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// Keys are the client keys in force. A nil or zero *Keys holds no keys: every caller is anonymous then.
// It is safe for concurrent use.
type Keys struct {
	keys []key
}

type key struct {
	digest [sha256.Size]byte
	caller chat.Caller
}

// Len returns the number of keys. With 0, requests need no key.
func (k *Keys) Len() int {
	if k == nil {
		return 0
	}
	return len(k.keys)
}

// Authenticate returns the caller whose key is in the headers. Of `Authorization: Bearer`, `x-api-key` and `api-key`
// only the first that is present counts, even when it is wrong and a later one is right. Errors are *chat.Error of
// KindAuthentication: missing_api_key or invalid_api_key.
func (k *Keys) Authenticate(h http.Header) (chat.Caller, error) {
	if k.Len() == 0 {
		return chat.Anonymous, nil
	}
	presented := presentedKey(h)
	if presented == "" {
		return chat.Caller{}, &chat.Error{
			Kind: chat.KindAuthentication, Code: chat.CodeMissingAPIKey,
			Message: "You didn't provide an API key. Send it in an Authorization header with Bearer auth " +
				"(`Authorization: Bearer YOUR_KEY`), or in an `x-api-key` or `api-key` header.",
		}
	}
	if i := k.find(presented); i >= 0 {
		return k.keys[i].caller, nil
	}
	return chat.Caller{}, &chat.Error{
		Kind: chat.KindAuthentication, Code: chat.CodeInvalidAPIKey,
		Message: "Incorrect API key provided. Send one of this server's client keys as `Authorization: Bearer YOUR_KEY`; " +
			"who runs the server sets them in ACHUAN_API_KEYS.",
	}
}

// find returns the index of the key, or -1 when it is unknown. It compares all digests, each in constant time: the
// time depends only on the number of keys and shows neither the length nor the beginning of a key.
func (k *Keys) find(presented string) int {
	digest := sha256.Sum256([]byte(presented))
	found := -1
	for i := range k.keys {
		isSame := subtle.ConstantTimeCompare(digest[:], k.keys[i].digest[:])
		found = subtle.ConstantTimeSelect(isSame, i, found)
	}
	return found
}

// presentedKey returns the key in the headers, "" for none. An Authorization header with another scheme is ignored:
// it may be meant for a proxy in front of the server.
func presentedKey(h http.Header) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(h.Get("Authorization")), " ")
	if token = strings.TrimSpace(token); token != "" && strings.EqualFold(scheme, "bearer") {
		return token
	}
	for _, name := range []string{"X-Api-Key", "Api-Key", "X-Goog-Api-Key"} {
		if value := strings.TrimSpace(h.Get(name)); value != "" {
			return value
		}
	}
	return ""
}
