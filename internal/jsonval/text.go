package jsonval

import (
	"bytes"
	"encoding/binary"
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
// pair becomes U+FFFD, as in encoding/json. It copies eight bytes at a time into a chunk,
// because code and prose have an escape in every line.
func unescape(s []byte) string {
	var b strings.Builder
	b.Grow(len(s)) // an escape is never shorter than its character
	var chunk [1024]byte
	n := 0
	for len(s) > 0 {
		if n > len(chunk)-8 {
			b.Write(chunk[:n])
			n = 0
		}
		if len(s) >= 8 {
			w := binary.LittleEndian.Uint64(s)
			binary.LittleEndian.PutUint64(chunk[n:], w)
			m := findByte(w, '\\')
			if m == 0 {
				n += 8
				s = s[8:]
				continue
			}
			n += firstMatch(m)
			s = s[firstMatch(m):]
		} else if s[0] != '\\' {
			chunk[n] = s[0]
			n++
			s = s[1:]
			continue
		}
		if len(s) > 1 && plainEscapes[s[1]] != 0 {
			chunk[n] = plainEscapes[s[1]]
			n++
			s = s[2:]
			continue
		}
		r, size := DecodeEscape(s)
		b.Write(chunk[:n])
		n = utf8.EncodeRune(chunk[:], r) // half of a surrogate pair is written as U+FFFD
		s = s[max(size, 1):]
	}
	b.Write(chunk[:n])
	return b.String()
}

// plainEscapes are the escapes of one letter.
var plainEscapes = [256]byte{
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
		if c := plainEscapes[b[1]]; c != 0 {
			return rune(c), 2
		}
		return 0, 0
	}
	r, ok := decodeUnit(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := decodeUnit(b[unitSize:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 2 * unitSize
			}
		}
	}
	return r, unitSize
}

// unitSize is the length of an escape such as \u0041.
const unitSize = 6

// decodeUnit decodes an escape of the form \u0041.
func decodeUnit(b []byte) (rune, bool) {
	if len(b) < unitSize || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:unitSize] {
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
