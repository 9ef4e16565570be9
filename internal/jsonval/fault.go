package jsonval

import (
	"strconv"

	"achuan/internal/chat"
)

// Fault says what is wrong with one field. The function that finds the fault leaves the
// path empty or relative to the value that it reads, and each caller adds its own step in
// front. So a correct request never builds a path. A nil Fault means that all is right.
type Fault struct {
	Code   chat.Code
	Path   string // of the field, such as messages[2].content
	Detail string // what was expected and what came, without a full stop
}

// In adds the name of a field in front of the path. It returns f, also when f is nil.
func (f *Fault) In(field string) *Fault {
	if f == nil {
		return nil
	}
	if f.Path != "" && f.Path[0] != '[' {
		field += "."
	}
	f.Path = field + f.Path
	return f
}

// At adds an index in front of the path. It returns f, also when f is nil.
func (f *Fault) At(i int) *Fault {
	if f == nil {
		return nil
	}
	return f.In("[" + strconv.Itoa(i) + "]")
}

// leads are the beginnings of the public messages.
var leads = map[chat.Code]string{
	chat.CodeMissingParameter:     "Missing required parameter",
	chat.CodeInvalidType:          "Invalid type for",
	chat.CodeInvalidValue:         "Invalid value for",
	chat.CodeUnsupportedParameter: "Unsupported parameter",
	chat.CodeInvalidFile:          "Invalid file in",
}

// Public returns the error that the client gets.
func (f *Fault) Public() *chat.Error {
	return chat.Invalid(f.Code, f.Path, leads[f.Code]+" '"+f.Path+"': "+f.Detail+".")
}

// Missing is the fault of a required field that is absent. got tells null from nothing.
func Missing(expected string, got Value) *Fault {
	return &Fault{Code: chat.CodeMissingParameter, Detail: "expected " + expected + ", but got " + got.describe()}
}

// WrongType is the fault of a value of another JSON type than the expected one.
func WrongType(expected string, got Value) *Fault {
	return &Fault{Code: chat.CodeInvalidType, Detail: "expected " + expected + ", but got " + got.describe()}
}

// WrongValue is the fault of a scalar of the right type. Its detail repeats the value.
func WrongValue(expected string, got Value) *Fault {
	return Invalid("expected " + expected + ", but got " + got.Quote())
}

// TooMany is the fault of a list with more than limit entries.
func TooMany(limit int, entries string) *Fault {
	return Invalid("expected at most " + strconv.Itoa(limit) + " " + entries + ", but got more")
}

// Invalid is the fault of a value that detail explains.
func Invalid(detail string) *Fault { return &Fault{Code: chat.CodeInvalidValue, Detail: detail} }

// Unsupported is the fault of a value that asks for what the server cannot do.
func Unsupported(why string) *Fault {
	return &Fault{Code: chat.CodeUnsupportedParameter, Detail: why}
}

// describe names the kind of a value, for messages.
func (v Value) describe() string {
	switch v.Kind() {
	case Null:
		return "null"
	case Bool:
		return "a boolean"
	case Number:
		return "a number"
	case String:
		return "a string"
	case Array:
		return "an array"
	case Object:
		return "an object"
	default:
		return "nothing"
	}
}

// MaxShown is the number of bytes of a client's own text that a message or a list of
// names repeats.
const MaxShown = 64

// Quote returns a scalar value as a message repeats it: at most MaxShown bytes.
func (v Value) Quote() string {
	if v.Kind() == String {
		return strconv.Quote(chat.Truncate(v.Text(), MaxShown))
	}
	return string(chat.Truncate(v, MaxShown))
}
