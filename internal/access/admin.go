package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// AdminKey is the operator's key. It is not a client key and authenticates no caller. A nil or zero *AdminKey matches
// no request. It is safe for concurrent use.
type AdminKey struct {
	digest [sha256.Size]byte
	isSet  bool
}

// NewAdminKey returns the admin key. With "" there is no admin key, and the result matches no request.
func NewAdminKey(key string) *AdminKey {
	return &AdminKey{sha256.Sum256([]byte(key)), key != ""}
}

// IsSet reports whether there is an admin key.
func (k *AdminKey) IsSet() bool { return k != nil && k.isSet }

// Matches reports whether the admin key is in the headers, in the same places as a client key. It compares digests in
// constant time, so its duration says nothing about the key.
func (k *AdminKey) Matches(h http.Header) bool {
	if !k.IsSet() {
		return false
	}
	digest := sha256.Sum256([]byte(presentedKey(h)))
	return subtle.ConstantTimeCompare(digest[:], k.digest[:]) == 1
}

// HasKey reports whether the headers have any key, valid or not.
func HasKey(h http.Header) bool { return presentedKey(h) != "" }

// Contains reports whether key is one of the client keys.
func (k *Keys) Contains(key string) bool { return k.Len() > 0 && k.find(key) >= 0 }
