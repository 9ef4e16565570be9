package openai

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text decodes a string value into memory of its own, so that the body need not
// outlive the request that was read from it.
func (v value) text() string {
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	return unescape(inner)
}

// bytes decodes a string value; without escapes the result aliases v. It is for
// what is compared and dropped: keys, roles, types.
func (v value) bytes() []byte {
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	return []byte(v.text())
}

// unescape decodes the content of a JSON string, quotes cut off. Half of a
// surrogate pair becomes U+FFFD, as encoding/json has it.
func unescape(s []byte) string {
	var b strings.Builder
	b.Grow(len(s)) // no escape is shorter than what it stands for
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			b.Write(s)
			return b.String()
		}
		b.Write(s[:i])
		if s[i+1] == 'u' {
			r, n := unescapeRune(s[i:])
			b.WriteRune(r)
			s = s[i+n:]
			continue
		}
		b.WriteByte(unescaped(s[i+1]))
		s = s[i+2:]
	}
}

// unescaped is the byte that a backslash and c stand for.
func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	default: // a quote, a slash, a backslash
		return c
	}
}

// unescapeRune decodes the \uXXXX that s begins with, or the pair of them that
// makes one rune, and tells how many bytes of s that took.
func unescapeRune(s []byte) (r rune, n int) {
	const size = len(`\u0000`)
	r = hexRune(s[2:size])
	if !utf16.IsSurrogate(r) {
		return r, size
	}
	if len(s) >= 2*size && s[size] == '\\' && s[size+1] == 'u' {
		if pair := utf16.DecodeRune(r, hexRune(s[size+2:2*size])); pair != utf8.RuneError {
			return pair, 2 * size
		}
	}
	return utf8.RuneError, size
}

func hexRune(digits []byte) (r rune) {
	for _, c := range digits {
		switch {
		case c >= 'a':
			c -= 'a' - 10
		case c >= 'A':
			c -= 'A' - 10
		default:
			c -= '0'
		}
		r = r<<4 | rune(c)
	}
	return r
}
