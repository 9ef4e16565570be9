package chat

import (
	"math/big"
	"strconv"
	"strings"
)

const (
	callPrefix   = "call_"
	answerDigits = 22 // base62 digits of 128 bits
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// CallID returns the id of the call at index within one answer. The calls of an answer
// share its seed, 128 random bits, so that a transcript shows which calls were made
// together: see CallAnswer. The id has the form `call_SEED_INDEX`.
func CallID(seed [16]byte, index int) string {
	id := make([]byte, 0, len(callPrefix)+answerDigits+4)
	id = append(id, callPrefix...)
	rest, base, digit := new(big.Int).SetBytes(seed[:]), big.NewInt(int64(len(base62))), new(big.Int)
	for range answerDigits {
		rest.DivMod(rest, base, digit)
		id = append(id, base62[digit.Int64()])
	}
	return string(strconv.AppendInt(append(id, '_'), int64(index), 10))
}

// CallAnswer returns the part of a call's id that all calls of its answer share, and
// whether the id has the form that CallID gives.
func CallAnswer(id string) (string, bool) {
	const size = len(callPrefix) + answerDigits
	if !strings.HasPrefix(id, callPrefix) || len(id) < size+2 || id[size] != '_' {
		return "", false
	}
	if strings.Trim(id[len(callPrefix):size], base62) != "" || strings.Trim(id[size+1:], "0123456789") != "" {
		return "", false
	}
	return id[:size], true
}
