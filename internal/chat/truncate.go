package chat

import "unicode/utf8"

// Truncate returns the first maxBytes bytes of s, or a few less so that it does not split
// a UTF-8 character. The result aliases s.
func Truncate[T ~string | ~[]byte](s T, maxBytes int) T {
	if len(s) <= maxBytes {
		return s
	}
	for maxBytes > 0 && !utf8.RuneStart(s[maxBytes]) {
		maxBytes--
	}
	return s[:maxBytes]
}
