package jsonval

import (
	"bytes"
	"math"
	"strconv"
)

// The methods As… read a Value that is present. They return what it says, or a Fault with
// an empty path.

// AsString reads a string into new memory.
func (v Value) AsString() (string, *Fault) {
	if v.Kind() != String {
		return "", WrongType("a string", v)
	}
	return v.Text(), nil
}

// AsBool reads true or false.
func (v Value) AsBool() (bool, *Fault) {
	if v.Kind() != Bool {
		return false, WrongType("a boolean", v)
	}
	return v[0] == 't', nil
}

// AsObject reads an object. It takes an empty array as an empty object, because PHP
// writes one so.
func (v Value) AsObject() (Value, *Fault) {
	switch {
	case v.Kind() == Object:
		return v, nil
	case v.Kind() == Array && v.IsEmpty():
		return Value("{}"), nil
	}
	return nil, WrongType("an object", v)
}

// CheckObject returns a fault unless v is an object. expected describes the object, for
// messages.
func (v Value) CheckObject(expected string) *Fault {
	switch {
	case v.IsAbsent():
		return Missing(expected, v)
	case v.Kind() != Object:
		return WrongType(expected, v)
	}
	return nil
}

// AsNumber reads a number from low to high.
func (v Value) AsNumber(low, high float64) (float64, *Fault) {
	if v.Kind() != Number {
		return 0, WrongType("a number", v)
	}
	// ParseFloat returns an infinity, which no range includes, for a number that is too large.
	f, _ := strconv.ParseFloat(string(v), 64)
	if f < low || f > high {
		return 0, WrongValue("a number from "+formatNumber(low)+" to "+formatNumber(high), v)
	}
	return f, nil
}

// AsInt reads an integer from low to high. It refuses 1.0 and 1e3, as OpenAI does.
func (v Value) AsInt(low, high int) (int, *Fault) {
	if f := v.CheckInteger(); f != nil {
		return 0, f
	}
	i, err := strconv.Atoi(string(v))
	if err != nil || i < low || i > high {
		expected := "an integer from " + strconv.Itoa(low) + " to " + strconv.Itoa(high)
		if high == math.MaxInt {
			expected = "an integer of " + strconv.Itoa(low) + " or more"
		}
		return 0, WrongValue(expected, v)
	}
	return i, nil
}

// CheckInteger returns a fault unless v is a number without fraction and exponent, of
// any size.
func (v Value) CheckInteger() *Fault {
	if v.Kind() == Number && !bytes.ContainsAny(v, ".eE") {
		return nil
	}
	f := WrongType("an integer", v)
	if v.Kind() == Number {
		f.Detail = "expected an integer, but got a decimal number"
	}
	return f
}

func formatNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
