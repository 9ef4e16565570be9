package jsonval

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"achuan/internal/chat"
)

// maxDepth is how many levels deep a body may nest. The known fields nest 7 levels; the
// rest is for the arguments of earlier tool calls and for ignored keys.
const maxDepth = 64

// ParseObject checks that body is one JSON object and returns it; the result aliases
// body. Every error is a *chat.Error with the code invalid_json.
func ParseObject(body []byte) (Value, error) {
	start, end, isASCII, ok := scanObject(body)
	if !ok || !isASCII && !utf8.Valid(body) {
		return nil, objectError(body)
	}
	return Value(body[start:end]), nil
}

// objectError returns why body, which scanObject refused or which is not UTF-8, is not
// accepted.
func objectError(body []byte) error {
	if isTooDeep(body) {
		return invalidJSON(fmt.Sprintf("The request body nests deeper than %d levels.", maxDepth), nil)
	}
	if i := indexInvalidUTF8(body); i >= 0 {
		return invalidJSON(fmt.Sprintf("The request body is not valid UTF-8: see byte %d.", i), nil)
	}
	if !json.Valid(body) {
		return syntaxError(body)
	}
	start := SkipSpace(body, 0)
	root := Value(body[start:SkipValue(body, start)])
	return invalidJSON("The request body must be a JSON object, but it is "+root.describe()+".", nil)
}

// isTooDeep looks only at brackets, and accepts any bytes. It runs first, so that the
// error after it is computed within bounds.
func isTooDeep(body []byte) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = SkipString(body, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return true
			}
		case '}', ']':
			depth--
		}
	}
	return false
}

// indexInvalidUTF8 returns the index of the first byte that is not UTF-8, or -1.
func indexInvalidUTF8(body []byte) int {
	if utf8.Valid(body) {
		return -1
	}
	i := 0
	for i < len(body) {
		r, n := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return i
}

func syntaxError(body []byte) error {
	if SkipSpace(body, 0) == len(body) {
		return invalidJSON("The request body is empty: a JSON object was expected.", nil)
	}
	err := json.Unmarshal(body, new(json.RawMessage))
	message := "The request body is not valid JSON."
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		message = fmt.Sprintf("The request body is not valid JSON: %v, near byte %d of %d.", syntax, syntax.Offset, len(body))
	}
	return invalidJSON(message, err)
}

func invalidJSON(message string, cause error) error {
	return &chat.Error{Kind: chat.KindInvalid, Code: chat.CodeInvalidJSON, Message: message, Cause: cause}
}
