package openai

import (
	"bytes"
	"math"
	"strconv"
)

// Readers of single values. Each takes a value that is there and returns what it
// says, or the fault with an empty path.

func (v value) asString() (string, *fault) {
	if v.kind() != kindString {
		return "", wrongType("a string", v)
	}
	return v.text(), nil
}

func (v value) asBool() (bool, *fault) {
	if v.kind() != kindBool {
		return false, wrongType("a boolean", v)
	}
	return v[0] == 't', nil
}

// asObject reads an object. An empty array is an empty object: PHP writes it so.
func (v value) asObject() (value, *fault) {
	switch {
	case v.kind() == kindObject:
		return v, nil
	case v.kind() == kindArray && v.empty():
		return value("{}"), nil
	}
	return nil, wrongType("an object", v)
}

// asNumber reads a number from low to high.
func (v value) asNumber(low, high float64) (float64, *fault) {
	if v.kind() != kindNumber {
		return 0, wrongType("a number", v)
	}
	// What ParseFloat cannot hold is infinite and so out of every range.
	f, _ := strconv.ParseFloat(string(v), 64)
	if f < low || f > high {
		return 0, wrongValue("a number from "+formatNumber(low)+" to "+formatNumber(high), v)
	}
	return f, nil
}

// asInt reads an integer from low to high. As with OpenAI, 1.0 and 1e3 are none.
func (v value) asInt(low, high int) (int, *fault) {
	if !v.integral() {
		return 0, v.notInteger()
	}
	i, err := strconv.Atoi(string(v))
	if err != nil || i < low || i > high {
		expected := "an integer from " + strconv.Itoa(low) + " to " + strconv.Itoa(high)
		if high == math.MaxInt {
			expected = "an integer of " + strconv.Itoa(low) + " or more"
		}
		return 0, wrongValue(expected, v)
	}
	return i, nil
}

// integral reports whether v is a number without fraction and exponent.
func (v value) integral() bool {
	return v.kind() == kindNumber && !bytes.ContainsAny(v, ".eE")
}

func (v value) notInteger() *fault {
	f := wrongType("an integer", v)
	if v.kind() == kindNumber {
		f.detail = "expected an integer, but got a decimal number"
	}
	return f
}

func formatNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
