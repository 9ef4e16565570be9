package jsonval

import "iter"

// Value is the text of one JSON value, without white space around it. It is a part of a
// body that ParseObject (or json.Valid) has accepted, so the methods of Value do not look
// for syntax errors. The empty Value is a field that is absent.
type Value []byte

// Kind is the JSON type of a Value.
type Kind uint8

// The kinds of Value.
const (
	Absent Kind = iota
	Null
	Bool
	Number
	String
	Array
	Object
)

// Kind returns the JSON type of v, which its first byte decides.
func (v Value) Kind() Kind {
	if len(v) == 0 {
		return Absent
	}
	switch v[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	default:
		return Number
	}
}

// IsAbsent reports whether the field is absent or null. Dialects treat both alike.
func (v Value) IsAbsent() bool { return v.Kind() <= Null }

// IsEmpty reports whether v, an array or an object, contains nothing.
func (v Value) IsEmpty() bool {
	i := SkipSpace(v, 1)
	return v[i] == ']' || v[i] == '}'
}

// Members returns the decoded keys and the values of an object, in the order of the
// text. A key that occurs twice is returned twice. The slices alias v.
func (v Value) Members() iter.Seq2[[]byte, Value] {
	return func(yield func([]byte, Value) bool) {
		for i := SkipSpace(v, 1); v[i] != '}'; {
			keyEnd := SkipString(v, i)
			start := SkipSpace(v, SkipSpace(v, keyEnd)+1) // +1: the colon
			end := SkipValue(v, start)
			if !yield(v[i:keyEnd].Bytes(), v[start:end]) {
				return
			}
			i = nextItem(v, end)
		}
	}
}

// Member returns the value of a key of an object. If the key occurs twice, the last one
// counts.
func (v Value) Member(name string) (found Value) {
	for key, e := range v.Members() {
		if string(key) == name {
			found = e
		}
	}
	return found
}

// Elements returns the indexes and the elements of an array. The elements alias v.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		n := 0
		for i := SkipSpace(v, 1); v[i] != ']'; n++ {
			end := SkipValue(v, i)
			if !yield(n, v[i:end]) {
				return
			}
			i = nextItem(v, end)
		}
	}
}

// nextItem returns the index of the next item of an array or object, or of its closing
// bracket. i is the index after an item.
func nextItem(b []byte, i int) int {
	i = SkipSpace(b, i)
	if b[i] == ',' {
		i = SkipSpace(b, i+1)
	}
	return i
}

// EqualText reports whether the texts of a and b differ in white space only. It stops at
// the first difference.
func EqualText(a, b Value) bool {
	i, j := 0, 0
	for {
		i, j = SkipSpace(a, i), SkipSpace(b, j)
		switch {
		case i == len(a) || j == len(b):
			return i == len(a) && j == len(b)
		case a[i] != b[j]:
			return false
		case a[i] == '"':
			n, m := SkipString(a, i), SkipString(b, j)
			if string(a[i:n]) != string(b[j:m]) {
				return false
			}
			i, j = n, m
		default:
			i, j = i+1, j+1
		}
	}
}
