package jsonval

import (
	"encoding/binary"
	"math/bits"
)

// syntax checks the syntax of JSON in one pass. Its methods get the index at which a part
// begins and return the index after it, or -1 if b is not JSON there or nests too deep.
type syntax struct {
	b    []byte
	seen uint64 // the bits of all bytes of strings, for isASCII
}

// scanObject reports whether body is one JSON object that nests at most maxDepth levels,
// and where the object begins and ends. isASCII is false if body may have other bytes than
// ASCII; these are not checked.
func scanObject(body []byte) (start, end int, isASCII, ok bool) {
	s := syntax{b: body}
	start = SkipSpace(body, 0)
	if start == len(body) || body[start] != '{' {
		return 0, 0, false, false
	}
	end = s.value(start, 0)
	ok = end >= 0 && SkipSpace(body, end) == len(body)
	return start, end, s.seen&highBits == 0, ok
}

// value scans a value of any kind. depth is the number of arrays and objects around it.
func (s *syntax) value(i, depth int) int {
	if i >= len(s.b) {
		return -1
	}
	switch s.b[i] {
	case '"':
		return s.text(i)
	case '{', '[':
		if depth == maxDepth {
			return -1
		}
		return s.nested(i, depth+1)
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case 'n':
		return s.literal(i, "null")
	default:
		return s.number(i)
	}
}

// nested scans an array or object.
func (s *syntax) nested(i, depth int) int {
	isObject := s.b[i] == '{'
	end := byte(']')
	if isObject {
		end = '}'
	}
	i = SkipSpace(s.b, i+1)
	if s.at(i) == end {
		return i + 1
	}
	for {
		if isObject {
			if i = s.key(i); i < 0 {
				return -1
			}
		}
		if i = s.value(i, depth); i < 0 {
			return -1
		}
		i = SkipSpace(s.b, i)
		switch s.at(i) {
		case ',':
			i = SkipSpace(s.b, i+1)
		case end:
			return i + 1
		default:
			return -1
		}
	}
}

// key scans the key of an object and the colon, and returns the index of the value.
func (s *syntax) key(i int) int {
	if s.at(i) != '"' {
		return -1
	}
	if i = s.text(i); i < 0 {
		return -1
	}
	if i = SkipSpace(s.b, i); s.at(i) != ':' {
		return -1
	}
	return SkipSpace(s.b, i+1)
}

// at returns a byte of b, or 0 after its end.
func (s *syntax) at(i int) byte {
	if i < len(s.b) {
		return s.b[i]
	}
	return 0
}

func (s *syntax) literal(i int, word string) int {
	if end := i + len(word); end <= len(s.b) && string(s.b[i:end]) == word {
		return end
	}
	return -1
}

func (s *syntax) number(i int) int {
	if s.at(i) == '-' {
		i++
	}
	if s.at(i) == '0' {
		i++
	} else {
		i = s.digits(i)
	}
	if i >= 0 && s.at(i) == '.' {
		i = s.digits(i + 1)
	}
	if i >= 0 && s.at(i)|0x20 == 'e' {
		i++
		if c := s.at(i); c == '+' || c == '-' {
			i++
		}
		i = s.digits(i)
	}
	return i
}

// digits scans one or more digits.
func (s *syntax) digits(i int) int {
	start := i
	for isDigit(s.at(i)) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// text scans a string. It looks at eight bytes at a time.
func (s *syntax) text(i int) int {
	b := s.b
	for i++; ; {
		if i+8 <= len(b) {
			w := binary.LittleEndian.Uint64(b[i:])
			s.seen |= w
			m := findByte(w, '"') | findByte(w, '\\') | findControl(w)
			if m == 0 {
				i += 8
				continue
			}
			i += firstMatch(m)
		} else if i == len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return -1
			}
		case c < ' ':
			return -1
		default:
			s.seen |= uint64(c)
			i++
		}
	}
}

// escape scans an escape in a string.
func (s *syntax) escape(i int) int {
	if c := s.at(i + 1); plainEscapes[c] != 0 {
		return i + 2
	}
	if _, ok := decodeUnit(s.b[i:]); ok {
		return i + unitSize
	}
	return -1
}

// These functions look for bytes in eight bytes w, and return a word with the high bit of
// each byte that matches. Only the first match is exact: bytes after it may be wrong.

const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// findByte finds a byte that equals c.
func findByte(w uint64, c byte) uint64 {
	w ^= lowBits * uint64(c)
	return (w - lowBits) &^ w & highBits
}

// findControl finds a byte below 0x20.
func findControl(w uint64) uint64 {
	return (w - lowBits*' ') &^ w & highBits
}

// firstMatch returns the index of the first byte that matches.
func firstMatch(matches uint64) int { return bits.TrailingZeros64(matches) / 8 }
