package conversation

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The kind of a value precedes its canonical form.
const (
	kindString  = 's' // decoded
	kindRaw     = 'r' // a string that does not decode to one text, as it is written
	kindNumber  = 'n' // the shortest double
	kindLiteral = 'l' // true, false, null
	kindObject  = 'o' // a hash of the members, sorted by key; of equal keys the last one
	kindArray   = 'a' // a hash of the elements
	kindBroken  = 'b' // a text that is not JSON, whole
)

// canonical returns a form of JSON arguments that is equal for equal values: it does not depend
// on spaces, the order of keys, or the way in which a string or a number is written. It takes
// linear time, because objects and arrays are hashed from the inside out.
func canonical(arguments string) []byte {
	if !json.Valid([]byte(arguments)) {
		return appendField(nil, kindBroken, arguments)
	}
	r := canonicalReader{text: arguments}
	return r.value(nil)
}

// canonicalReader reads a valid JSON text.
type canonicalReader struct {
	text string
	at   int
}

// next skips the characters that separate tokens, and returns the first byte after them.
func (r *canonicalReader) next() byte {
	for strings.IndexByte(" \n\r\t,:", r.text[r.at]) >= 0 {
		r.at++
	}
	return r.text[r.at]
}

// value appends the canonical form of the next value.
func (r *canonicalReader) value(to []byte) []byte {
	switch r.next() {
	case '{':
		return r.object(to)
	case '[':
		return r.array(to)
	case '"':
		return appendString(to, r.quoted())
	default:
		end := r.at
		for end < len(r.text) && strings.IndexByte(" \n\r\t,:]}", r.text[end]) < 0 {
			end++
		}
		token := r.text[r.at:end]
		r.at = end
		if c := token[0]; c == '-' || '0' <= c && c <= '9' {
			return appendField(to, kindNumber, shortestNumber(token))
		}
		return appendField(to, kindLiteral, token)
	}
}

func (r *canonicalReader) quoted() string {
	end := stringEnd(r.text, r.at)
	quoted := r.text[r.at:end]
	r.at = end
	return quoted
}

func (r *canonicalReader) array(to []byte) []byte {
	var elements []byte
	n := 0
	for r.at++; r.next() != ']'; n++ {
		elements = r.value(elements)
	}
	r.at++
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(elements, uint64(n)))
	return append(append(to, kindArray), sum[:]...)
}

// member is a key of an object with its value, both in canonical form.
type member struct{ key, value []byte }

func (r *canonicalReader) object(to []byte) []byte {
	var members []member
	for r.at++; r.next() != '}'; {
		key := appendString(nil, r.quoted())
		members = append(members, member{key, r.value(nil)})
	}
	r.at++
	slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(string(a.key), string(b.key)) })
	sum := sha256.New()
	n := 0
	for i, m := range members {
		if i+1 < len(members) && string(members[i+1].key) == string(m.key) {
			continue
		}
		n++
		sum.Write(m.key)
		sum.Write(m.value)
	}
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return sum.Sum(append(to, kindObject))
}

// appendString appends a string that is given with its quotes. A string with half of a surrogate
// pair stays as it is written, because decoding would make all such halves equal.
func appendString(to []byte, quoted string) []byte {
	inner := quoted[1 : len(quoted)-1]
	if strings.IndexByte(inner, '\\') < 0 && utf8.ValidString(inner) {
		return appendField(to, kindString, inner)
	}
	var s string
	if json.Unmarshal([]byte(quoted), &s) != nil || countReplacementChars(s) != countReplacementChars(quoted)+strings.Count(strings.ToLower(quoted), `\ufffd`) {
		return appendField(to, kindRaw, quoted)
	}
	return appendField(to, kindString, s)
}

func countReplacementChars(s string) int { return strings.Count(s, string(utf8.RuneError)) }

// appendField appends a text with its kind and its length in front.
func appendField(to []byte, kind byte, text string) []byte {
	return append(binary.BigEndian.AppendUint64(append(to, kind), uint64(len(text))), text...)
}

// shortestNumber writes a number as the shortest text of its double, as JSON.stringify in
// JavaScript clients does. A number that is too large for a double stays as it is.
func shortestNumber(number string) string {
	v, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil || math.IsInf(v, 0):
		return number
	case v == 0:
		return "0" // -0 too
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// stringEnd returns the index after the JSON string that begins at s[i].
func stringEnd(s string, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}
