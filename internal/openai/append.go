package openai

import (
	"strconv"
	"unicode/utf8"

	"achuan/internal/chat"
)

// appendJSONString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD. The
// line separators U+2028 and U+2029 are escaped, because there are readers of
// event streams and of JavaScript that end a line at them; < > & are not.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0 // of what is not appended yet
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if plain(c) {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = appendEscaped(dst, c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if escape := escapeRune(r, n); escape != "" {
			dst = append(dst, s[start:i]...)
			dst = append(dst, escape...)
			start = i + n
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plain reports whether an ASCII character stands for itself in a JSON string.
func plain(c byte) bool { return c >= ' ' && c != '"' && c != '\\' }

func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// escapeRune returns what a rune of n bytes is replaced by, "" for nothing.
func escapeRune(r rune, n int) string {
	switch {
	case r == '\u2028':
		return `\u2028`
	case r == '\u2029':
		return `\u2029`
	case r == utf8.RuneError && n == 1:
		return "\ufffd"
	default:
		return ""
	}
}

// appendUsage appends `"usage":{…}`.
func appendUsage(dst []byte, u chat.Usage) []byte {
	dst = append(dst, `"usage":{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	dst = append(dst, `,"completion_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.CompletionTokens), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens+u.CompletionTokens), 10)
	return append(dst, '}')
}

// appendHead appends the beginning of an answer or a chunk, up to its model.
func appendHead(dst []byte, id, object string, created int64, model string) []byte {
	dst = append(dst, `{"id":`...)
	dst = appendJSONString(dst, id)
	dst = append(dst, `,"object":"`...)
	dst = append(dst, object...)
	dst = append(dst, `","created":`...)
	dst = strconv.AppendInt(dst, created, 10)
	dst = append(dst, `,"model":`...)
	return appendJSONString(dst, model)
}

// finishReason is how a choice's end is told, in the older form of calls too.
func finishReason(why chat.FinishReason, legacy bool) string {
	if legacy && why == chat.FinishTools {
		return "function_call"
	}
	return string(why)
}

// appendCallHead appends a call's id and type, up to its function.
func appendCallHead(dst []byte, id string) []byte {
	dst = append(dst, `"id":`...)
	dst = appendJSONString(dst, id)
	return append(dst, `,"type":"function","function":`...)
}

func appendFunction(dst []byte, name, arguments string) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendJSONString(dst, name)
	dst = append(dst, `,"arguments":`...)
	dst = appendJSONString(dst, arguments)
	return append(dst, '}')
}
