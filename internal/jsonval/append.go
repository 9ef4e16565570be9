package jsonval

import "unicode/utf8"

// AppendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD. It escapes the
// line separators U+2028 and U+2029, because some readers of event streams and of
// JavaScript end a line there. It does not escape < > &.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0 // of the bytes that are not appended yet
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if isPlain(c) {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if replacement := replaceRune(r, n); replacement != "" {
			dst = append(dst, s[start:i]...)
			dst = append(dst, replacement...)
			start = i + n
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// AppendStringOrNull appends s as a JSON string, or null when s is empty.
func AppendStringOrNull(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, "null"...)
	}
	return AppendString(dst, s)
}

// isPlain reports whether a JSON string may contain the ASCII character as it is.
func isPlain(c byte) bool { return c >= ' ' && c != '"' && c != '\\' }

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// replaceRune returns the text that replaces a rune of n bytes, or "" when the rune stays.
func replaceRune(r rune, n int) string {
	switch {
	case r == '\u2028':
		return `\u2028`
	case r == '\u2029':
		return `\u2029`
	case r == utf8.RuneError && n == 1:
		return "\ufffd"
	default:
		return ""
	}
}
