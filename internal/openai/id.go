package openai

import "crypto/rand"

const (
	idPrefix = "chatcmpl-"
	idDigits = 29 // as many as OpenAI's
	base62   = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewID returns a fresh id of an answer, random enough that none comes twice.
func NewID() string {
	// A byte is used when it is below the largest multiple of 62, so that every
	// digit is equally likely; 8 bytes in 256 are not, and the spare ones cover
	// that nearly always.
	const limit = 256 - 256%len(base62)
	var random [idDigits + 11]byte
	id := make([]byte, 0, len(idPrefix)+idDigits)
	id = append(id, idPrefix...)
	for {
		rand.Read(random[:]) // never fails: the program ends rather than go on without
		for _, b := range random {
			if len(id) == cap(id) {
				return string(id)
			}
			if int(b) < limit {
				id = append(id, base62[int(b)%len(base62)])
			}
		}
	}
}
