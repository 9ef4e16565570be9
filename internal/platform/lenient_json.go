package platform

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// The types below accept what any version of the platform may send for a field, such as a number
// as a string, or null. A value of an unexpected type counts as absent. Decoding them never fails,
// so that one odd field does not invalidate a whole reply.

// integer is a whole number, or a numeric string.
type integer int64

func (n *integer) UnmarshalJSON(b []byte) error {
	s := scalarText(b)
	if v, err := strconv.ParseInt(s, 10, 64); err == nil {
		*n = integer(v)
	} else if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<53 {
		*n = integer(f)
	}
	return nil
}

// count returns n as a count of things, which is never negative.
func (n integer) count() int { return int(max(0, min(n, math.MaxInt32))) }

// decimal is a number, or a numeric string.
type decimal float64

func (n *decimal) UnmarshalJSON(b []byte) error {
	if f, err := strconv.ParseFloat(scalarText(b), 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		*n = decimal(f)
	}
	return nil
}

// text is a string.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if jsonKind(b) == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	return nil
}

// flag is true or false, 1 or 0, or any of these as a string.
type flag bool

func (f *flag) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseBool(scalarText(b))
	*f = flag(v && err == nil)
	return nil
}

// timestamp is the platform's local time without a zone, which is UTC+8.
type timestamp struct{ time.Time }

var platformZone = time.FixedZone("UTC+8", 8*60*60)

func (t *timestamp) UnmarshalJSON(b []byte) error {
	if v, err := time.ParseInLocation(time.DateTime, scalarText(b), platformZone); err == nil {
		t.Time = v
	}
	return nil
}

// list is a JSON array; anything else counts as an empty one.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(b []byte) error {
	if jsonKind(b) == '[' {
		return json.Unmarshal(b, (*[]T)(l))
	}
	return nil
}

// scalarText returns the text of a scalar without the quotes around it.
func scalarText(b []byte) string {
	return strings.TrimSpace(strings.Trim(strings.TrimSpace(string(b)), `"`))
}

// jsonKind returns the first byte of a JSON value, which tells its type. It returns 0 for an empty
// text.
func jsonKind(b []byte) byte {
	for _, c := range b {
		if !isSpace(c) {
			return c
		}
	}
	return 0
}

// isSpace reports whether c is ASCII white space.
func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
