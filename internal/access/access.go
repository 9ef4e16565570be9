// Package access decides who a request comes from: it knows the client keys and
// turns the key in a request's headers into a chat.Caller. Limits and budgets of
// callers belong here too, and the key of whoever runs the server (AdminKey).
//
// It knows keys by their SHA-256 alone and shows none of them, neither in an
// error nor in a log. What a caller may do with a session is not decided here.
package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// Keys are the client keys in force. A nil or zero *Keys holds none, which
// makes everyone the anonymous caller. It is safe for concurrent use.
type Keys struct {
	keys []key
}

type key struct {
	digest [sha256.Size]byte
	caller chat.Caller
}

// Len returns the number of keys; 0 means that no key is asked for.
func (k *Keys) Len() int {
	if k == nil {
		return 0
	}
	return len(k.keys)
}

// Authenticate returns the caller whose key is in the headers. The first of
// `Authorization: Bearer`, `x-api-key` and `api-key` that is there counts, also
// when it is wrong and a later one would be right. Errors are *chat.Error of
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

// find returns the index of the key, -1 when there is none like it. How long it
// takes depends on the number of keys only: digests are compared, all of them
// and in constant time, so that neither a key's length nor its beginning shows.
func (k *Keys) find(presented string) int {
	digest := sha256.Sum256([]byte(presented))
	found := -1
	for i := range k.keys {
		same := subtle.ConstantTimeCompare(digest[:], k.keys[i].digest[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	return found
}

// presentedKey returns the key that the headers carry, "" for none. An
// Authorization header of another scheme is no key: a proxy in front may have
// use for it.
func presentedKey(h http.Header) string {
	scheme, token, _ := strings.Cut(strings.TrimSpace(h.Get("Authorization")), " ")
	if token = strings.TrimSpace(token); token != "" && strings.EqualFold(scheme, "bearer") {
		return token
	}
	for _, name := range []string{"X-Api-Key", "Api-Key"} {
		if value := strings.TrimSpace(h.Get(name)); value != "" {
			return value
		}
	}
	return ""
}
