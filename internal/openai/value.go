package openai

import (
	"bytes"
	"iter"
)

// value is the text of one JSON value, without white space around it, cut from a
// body that json.Valid has accepted. That is why nothing here looks for syntax
// errors. The empty value stands for a field that is not there.
type value []byte

// kind is the JSON type of a value.
type kind uint8

const (
	kindAbsent kind = iota
	kindNull
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

func (v value) kind() kind {
	if len(v) == 0 {
		return kindAbsent
	}
	switch v[0] {
	case '{':
		return kindObject
	case '[':
		return kindArray
	case '"':
		return kindString
	case 't', 'f':
		return kindBool
	case 'n':
		return kindNull
	default:
		return kindNumber
	}
}

// absent reports whether the field is not there or null, which mean the same.
func (v value) absent() bool { return v.kind() <= kindNull }

// members ranges over an object's keys, decoded, and their values, in the order
// of the text. A key that stands there twice comes twice. The slices alias v.
func (v value) members() iter.Seq2[[]byte, value] {
	return func(yield func([]byte, value) bool) {
		for i := skipSpace(v, 1); v[i] != '}'; {
			keyEnd := skipString(v, i)
			start := skipSpace(v, skipSpace(v, keyEnd)+1) // +1: the colon
			end := skipValue(v, start)
			if !yield(v[i:keyEnd].bytes(), v[start:end]) {
				return
			}
			i = nextItem(v, end)
		}
	}
}

// elements ranges over an array's elements and their indexes.
func (v value) elements() iter.Seq2[int, value] {
	return func(yield func(int, value) bool) {
		n := 0
		for i := skipSpace(v, 1); v[i] != ']'; n++ {
			end := skipValue(v, i)
			if !yield(n, v[i:end]) {
				return
			}
			i = nextItem(v, end)
		}
	}
}

// empty reports whether an array or object has nothing in it.
func (v value) empty() bool {
	i := skipSpace(v, 1)
	return v[i] == ']' || v[i] == '}'
}

// nextItem returns the index of the next item of an array or object, or of its
// closing bracket, where i is the index after an item.
func nextItem(b []byte, i int) int {
	i = skipSpace(b, i)
	if b[i] == ',' {
		i = skipSpace(b, i+1)
	}
	return i
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skipValue returns the index after the value that begins at b[i].
func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\r', '\t':
			return i
		}
		i++
	}
	return i
}

// skipNested returns the index after the array or object that begins at b[i].
func skipNested(b []byte, i int) int {
	for depth := 0; ; {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// skipString returns the index after the string whose opening quote is b[i]. It
// is the only function here that may be used on any bytes: a string without an
// end ends with them.
func skipString(b []byte, i int) int {
	for i++; ; {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		backslashes := 0
		for b[i-2-backslashes] == '\\' { // stops at the quote before, at the latest
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
	}
}
