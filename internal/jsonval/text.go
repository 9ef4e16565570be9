package jsonval

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Text decodes a string value into new memory, so that the result does not keep the
// body in memory.
func (v Value) Text() string {
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	return unescape(inner)
}

// Bytes decodes a string value. Without escapes, the result aliases v. It is for texts
// that the caller compares and then drops: keys, roles, types.
func (v Value) Bytes() []byte {
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	return []byte(v.Text())
}

// unescape decodes the content of a JSON string, without its quotes. Half of a surrogate
// pair becomes U+FFFD, as in encoding/json.
func unescape(s []byte) string {
	var b strings.Builder
	b.Grow(len(s)) // an escape is never shorter than its character
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			b.Write(s)
			return b.String()
		}
		b.Write(s[:i])
		r, n := DecodeEscape(s[i:])
		b.WriteRune(r) // half of a surrogate pair is written as U+FFFD
		s = s[i+max(n, 1):]
	}
}

// plainEscapes are the escapes of one letter.
var plainEscapes = [256]rune{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// DecodeEscape decodes the escape that b begins with, any bytes, and returns its length
// in bytes: 0 if b does not begin with an escape. It decodes a surrogate pair as one rune.
// It returns half of a pair as it is; see utf16.IsSurrogate.
func DecodeEscape(b []byte) (r rune, size int) {
	if len(b) < 2 || b[0] != '\\' {
		return 0, 0
	}
	if b[1] != 'u' {
		if r := plainEscapes[b[1]]; r != 0 {
			return r, 2
		}
		return 0, 0
	}
	const unit = len(`\u0000`)
	r, ok := decodeUnit(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := decodeUnit(b[unit:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 2 * unit
			}
		}
	}
	return r, unit
}

// decodeUnit decodes an escape of the form \u0041.
func decodeUnit(b []byte) (rune, bool) {
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
