package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// AdminKey is the key of whoever runs the server. It is no client key: it makes
// nobody a caller. A nil or zero *AdminKey opens nothing. It is safe for
// concurrent use.
type AdminKey struct {
	digest [sha256.Size]byte
	set    bool
}

// NewAdminKey returns the key; "" is none.
func NewAdminKey(key string) *AdminKey {
	return &AdminKey{sha256.Sum256([]byte(key)), key != ""}
}

// Set reports whether there is a key.
func (k *AdminKey) Set() bool { return k != nil && k.set }

// Opens reports whether the headers carry the key, where client keys stand too.
// How long it takes tells nothing of the key: digests are compared, in constant
// time.
func (k *AdminKey) Opens(h http.Header) bool {
	if !k.Set() {
		return false
	}
	digest := sha256.Sum256([]byte(presentedKey(h)))
	return subtle.ConstantTimeCompare(digest[:], k.digest[:]) == 1
}

// HasKey reports whether the headers carry a key, right or wrong.
func HasKey(h http.Header) bool { return presentedKey(h) != "" }

// Holds reports whether a key is one of the client keys.
func (k *Keys) Holds(key string) bool { return k.Len() > 0 && k.find(key) >= 0 }
