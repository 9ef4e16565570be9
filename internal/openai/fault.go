package openai

import (
	"strconv"
	"unicode/utf8"

	"achuan/internal/chat"
)

// fault is what is wrong with one field. Who finds it names the field relative to
// what it reads; each caller above puts its own step in front, so that no path is
// built for a request that is right. A nil fault is none.
type fault struct {
	code   chat.Code
	path   string
	detail string // what was expected and what came, without a full stop
}

// in puts a field's name in front of the path.
func (f *fault) in(field string) *fault {
	if f == nil {
		return nil
	}
	if f.path != "" && f.path[0] != '[' {
		field += "."
	}
	f.path = field + f.path
	return f
}

// at puts an index in front of the path.
func (f *fault) at(i int) *fault { return f.in("[" + strconv.Itoa(i) + "]") }

// public returns the error that the client gets.
func (f *fault) public() *chat.Error {
	lead := map[chat.Code]string{
		chat.CodeMissingParameter:     "Missing required parameter",
		chat.CodeInvalidType:          "Invalid type for",
		chat.CodeInvalidValue:         "Invalid value for",
		chat.CodeUnsupportedParameter: "Unsupported parameter",
	}
	return chat.Invalid(f.code, f.path, lead[f.code]+" '"+f.path+"': "+f.detail+".")
}

// missing is for required fields that are absent; got tells null from nothing.
func missing(expected string, got value) *fault {
	return &fault{code: chat.CodeMissingParameter, detail: "expected " + expected + ", but got " + got.what()}
}

func wrongType(expected string, got value) *fault {
	return &fault{code: chat.CodeInvalidType, detail: "expected " + expected + ", but got " + got.what()}
}

func wrongValue(expected string, got value) *fault {
	return &fault{code: chat.CodeInvalidValue, detail: "expected " + expected + ", but got " + got.shown()}
}

// tooMany is for a list with more than limit entries.
func tooMany(limit int, entries string) *fault {
	return &fault{code: chat.CodeInvalidValue, detail: "expected at most " + strconv.Itoa(limit) + " " + entries + ", but got more"}
}

func unsupported(why string) *fault {
	return &fault{code: chat.CodeUnsupportedParameter, detail: why}
}

// what names the kind of a value, for messages.
func (v value) what() string {
	switch v.kind() {
	case kindNull:
		return "null"
	case kindBool:
		return "a boolean"
	case kindNumber:
		return "a number"
	case kindString:
		return "a string"
	case kindArray:
		return "an array"
	case kindObject:
		return "an object"
	default:
		return "nothing"
	}
}

// maxShown is how many bytes of a client's own words a message or a list of names
// repeats.
const maxShown = 64

// shown repeats a scalar value in a message, cut short.
func (v value) shown() string {
	if v.kind() == kindString {
		return strconv.Quote(cut(v.text(), maxShown))
	}
	return cut(string(v), maxShown)
}

// cut shortens s to at most n bytes, between runes.
func cut[T string | []byte](s T, n int) T {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
