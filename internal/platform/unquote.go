package platform

import (
	"unicode/utf16"
	"unicode/utf8"

	"achuan/internal/jsonval"
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
			r, n := jsonval.DecodeEscape(body[i:])
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
		r, n := jsonval.DecodeEscape(body[i:])
		if utf16.IsSurrogate(r) {
			out = append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0xbf, 0x80|byte(r)&0xbf)
		} else {
			out = utf8.AppendRune(out, r)
		}
		i += max(n, 1)
	}
	return out
}
