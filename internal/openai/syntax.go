package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"achuan/internal/chat"
)

// maxDepth is how deep a body may nest. What is known nests 7 levels; the rest
// is for arguments of past tool calls and for keys that are ignored.
const maxDepth = 64

// parseObject checks that body is one JSON object and returns it. Every error is
// an invalid_json.
func parseObject(body []byte) (value, error) {
	if tooDeep(body) {
		return nil, invalidJSON(fmt.Sprintf("The request body nests deeper than %d levels.", maxDepth), nil)
	}
	if i := invalidUTF8(body); i >= 0 {
		return nil, invalidJSON(fmt.Sprintf("The request body is not valid UTF-8: see byte %d.", i), nil)
	}
	if !json.Valid(body) {
		return nil, syntaxError(body)
	}
	start := skipSpace(body, 0)
	root := value(body[start:skipValue(body, start)])
	if root.kind() != kindObject {
		return nil, invalidJSON("The request body must be a JSON object, but it is "+root.what()+".", nil)
	}
	return root, nil
}

// tooDeep looks at brackets alone, on bytes that may be anything, so that what is
// behind it recurses and allocates within bounds.
func tooDeep(body []byte) bool {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = skipString(body, i) - 1
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

// invalidUTF8 returns the index of the first byte that is not UTF-8, or -1.
func invalidUTF8(body []byte) int {
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
	if skipSpace(body, 0) == len(body) {
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
