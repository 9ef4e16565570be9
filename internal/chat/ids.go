package chat

import (
	"crypto/rand"
	"math/big"
	"strconv"
	"strings"
)

// base62 are the digits of the ids that this program makes.
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// RandomID returns prefix followed by a number of random base62 digits. With 22 digits or
// more, two ids are never equal in practice.
func RandomID(prefix string, digits int) string {
	// Only bytes below the largest multiple of 62 are used, so that every digit is equally
	// likely. They are 248 of 256, so the spare bytes are nearly always enough.
	const limit = 256 - 256%len(base62)
	id := make([]byte, 0, len(prefix)+digits)
	id = append(id, prefix...)
	random := make([]byte, digits+digits/3)
	for {
		rand.Read(random) // never fails: the program ends when there is no randomness
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

const (
	callPrefix = "call_"
	seedDigits = 22 // base62 digits of 128 bits
)

// CallID returns the id of the call at index within one answer. All calls of an answer
// share its seed, 128 random bits, so that a transcript shows which calls belong to the
// same answer: see CallAnswer. The id has the form `call_SEED_INDEX`.
func CallID(seed [16]byte, index int) string {
	id := make([]byte, 0, len(callPrefix)+seedDigits+4)
	id = append(id, callPrefix...)
	rest, base, digit := new(big.Int).SetBytes(seed[:]), big.NewInt(int64(len(base62))), new(big.Int)
	for range seedDigits {
		rest.DivMod(rest, base, digit)
		id = append(id, base62[digit.Int64()])
	}
	return string(strconv.AppendInt(append(id, '_'), int64(index), 10))
}

// CallAnswer returns the part of a call's id that all calls of its answer share, and
// whether the id has the form that CallID gives, with a check or without one.
func CallAnswer(id string) (string, bool) {
	parts, ok := SplitCallID(id)
	return parts.Answer, ok
}

// CallIDParts are the parts of the id of a call.
type CallIDParts struct {
	Answer string // what all calls of the answer share
	Index  string // decimal digits: of the call in its answer
	Check  string // over the name and the arguments of the call; "" for none
}

// CheckDigits is the number of base62 digits of the check that AppendCheck adds to an id.
const CheckDigits = 7

// AppendCheck returns the id of a call with a check, of which it takes as many bits as fit.
func AppendCheck(id string, check uint64) string {
	b := append(make([]byte, 0, len(id)+1+CheckDigits), id...)
	b = append(b, '_')
	for range CheckDigits {
		b = append(b, base62[check%uint64(len(base62))])
		check /= uint64(len(base62))
	}
	return string(b)
}

// SplitCallID returns the parts of an id, and whether it has the form that CallID gives, with a check or without
// one.
func SplitCallID(id string) (parts CallIDParts, ok bool) {
	const size = len(callPrefix) + seedDigits
	if !strings.HasPrefix(id, callPrefix) || len(id) < size+2 || id[size] != '_' || strings.Trim(id[len(callPrefix):size], base62) != "" {
		return CallIDParts{}, false
	}
	index, check, hasCheck := strings.Cut(id[size+1:], "_")
	if index == "" || strings.Trim(index, "0123456789") != "" ||
		hasCheck && (len(check) != CheckDigits || strings.Trim(check, base62) != "") {
		return CallIDParts{}, false
	}
	return CallIDParts{id[:size], index, check}, true
}

// maxSessionDigits keeps the id of a session exact in every client, also in one whose
// numbers are 64-bit floats.
const maxSessionDigits = 16

// ParseSessionID reads the id of a session, ^[1-9][0-9]{0,15}$. It reports false for any
// other text.
func ParseSessionID(s string) (id int64, ok bool) {
	if s == "" || len(s) > maxSessionDigits || s[0] == '0' || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	id, err := strconv.ParseInt(s, 10, 64)
	return id, err == nil
}
