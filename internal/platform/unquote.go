package platform

import (
	"unicode/utf16"
	"unicode/utf8"
)

// unquote decodes the inside of a JSON string. Without escapes it returns body itself, otherwise
// the text in scratch, which it grows as needed and returns for the next call. ok is false where
// encoding/json would fail or change the text, and for half a surrogate pair.
func unquote(body, scratch []byte) (text, nextScratch []byte, ok bool) {
	out := scratch[:0]
	copied := 0 // of body, into out
	for i := 0; i < len(body); {
		switch c := body[i]; {
		case c == '"' || c < ' ':
			return nil, scratch, false
		case c != '\\':
			i++
		default:
			out = append(out, body[copied:i]...)
			r, n := decodeEscape(body[i:])
			if n == 0 || utf16.IsSurrogate(r) {
				return nil, scratch, false
			}
			out = utf8.AppendRune(out, r)
			i += n
			copied = i
		}
	}
	if !utf8.Valid(body) {
		return nil, scratch, false
	}
	if copied == 0 {
		return body, scratch, true
	}
	out = append(out, body[copied:]...)
	return out, out, true
}

// unquoteRaw decodes the inside of a string that encoding/json has accepted, and repairs nothing.
// Invalid UTF-8 stays, and half a surrogate pair becomes its three bytes in WTF-8, because the
// next string may begin with the other half: see runeJoiner.
func unquoteRaw(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for i := 0; i < len(body); {
		if body[i] != '\\' {
			out = append(out, body[i])
			i++
			continue
		}
		r, n := decodeEscape(body[i:])
		if utf16.IsSurrogate(r) {
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0xbf, 0x80|byte(r)&0xbf)
		} else {
			out = utf8.AppendRune(out, r)
		}
		i += max(n, 1)
	}
	return out
}

// plainEscapes are the escapes with one letter.
var plainEscapes = [256]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// decodeEscape decodes the escape that b begins with. It returns the character and the length of
// the escape, or 0 if there is none. Half a surrogate pair is returned as it is.
func decodeEscape(b []byte) (rune, int) {
	if len(b) < 2 {
		return 0, 0
	}
	if b[1] != 'u' {
		if r := plainEscapes[b[1]]; r != 0 {
			return r, 2
		}
		return 0, 0
	}
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := hex4(b[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return r, 6
}

// hex4 reads an escape of the form \u0041.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
