package emulate

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// takeString looks at a byte inside a string.
func (m *mender) takeString(c byte) {
	switch {
	case m.escape == 1:
		m.takeEscape(c)
	case m.escape > 1:
		m.takeHex(c)
	case c == m.quote:
		m.out = append(m.out, '"')
		m.quote = 0
		if m.want == wantKey || m.want == wantFirstKey {
			m.want = wantColon
		} else {
			m.ended()
		}
	case c == '\\':
		m.escape = 1
	case c == '"': // in single quotes
		m.out = append(m.out, '\\', '"')
	case c < ' ':
		m.control(c)
	default:
		m.out = append(m.out, c)
	}
}

// takeEscape looks at the byte after a backslash. The backslash is written only
// now, because not all of them stay.
//
// An escape that JSON does not have, such as \d in a pattern or \U in a path, shows
// that the model does not double its backslashes: that backslash is literal. Then
// \n in the same text may be one too, as in C:\Users\new, so nobody knows what it
// means. The escape of the string's own quote has one meaning only.
func (m *mender) takeEscape(c byte) {
	m.escape = 0
	switch {
	case c == '\'' && m.quote == c:
		m.out = append(m.out, c)
	case c == '\'':
		m.fail(`\' stands in a string with double quotes, where JSON has no such escape; write ' or \\'`)
	case c == '"' && m.quote == c:
		m.out = append(m.out, '\\', c)
	case c == 'u':
		m.out = append(m.out, '\\', 'u')
		m.escape, m.escapes = 2, true
	case strings.IndexByte(`"\/bfnrt`, c) >= 0:
		m.out = append(m.out, '\\', c)
		m.escapes = true
	case c < ' ':
		m.fail("a backslash stands before a line break or another control character")
	default:
		m.out = append(m.out, '\\', '\\', c)
		m.literal = true
	}
	if m.escapes && m.literal && m.wrong == nil {
		m.fail("a backslash is followed by a character that no escape begins with, so it is not clear which backslashes " +
			`are meant literally; write each of those as \\`)
	}
}

// hasLoneSurrogate reports whether a valid JSON text escapes one half of a surrogate
// pair without the other. That is no character: clients fail when they encode it.
func hasLoneSurrogate(text string) bool {
	for {
		i := strings.IndexByte(text, '\\')
		if i < 0 {
			return false
		}
		text = text[i:]
		first, isUnit := codeUnit(text)
		switch {
		case !isUnit:
			text = text[2:]
			continue
		case utf16.IsSurrogate(first):
			second, _ := codeUnit(text[6:])
			if utf16.DecodeRune(first, second) == unicode.ReplacementChar {
				return true
			}
			text = text[6:]
		}
		text = text[6:]
	}
}

// codeUnit returns the code unit of the \uXXXX that text begins with.
func codeUnit(text string) (unit rune, ok bool) {
	digits, ok := strings.CutPrefix(text, `\u`)
	if !ok || len(digits) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits[:4], 16, 16)
	return rune(n), err == nil
}

func (m *mender) takeHex(c byte) {
	if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
		m.fail(`\u is not followed by four hexadecimal digits`)
		return
	}
	m.out = append(m.out, c)
	if m.escape++; m.escape == 6 {
		m.escape = 0
	}
}

// control writes a raw control character as JSON has it.
func (m *mender) control(c byte) {
	const hex = "0123456789abcdef"
	switch c {
	case '\n':
		m.out = append(m.out, '\\', 'n')
	case '\r':
		m.out = append(m.out, '\\', 'r')
	case '\t':
		m.out = append(m.out, '\\', 't')
	default:
		m.out = append(m.out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

// end closes what is open. It returns torn and takes ended as repair does.
func (m *mender) end(ended bool) (torn bool, err error) {
	if m.wrong != nil {
		return false, m.wrong
	}
	switch {
	case m.quote != 0 && m.escape > 1:
		m.fail(`\u is not followed by four hexadecimal digits`)
		return false, m.wrong
	case m.quote != 0:
		torn, m.escape = true, 0 // a backslash with nothing behind it is dropped
		m.takeString(m.quote)
	case len(m.token) > 0:
		_, word := words[string(m.token)]
		torn = !word && len(m.open) > 0
		m.endToken()
	}
	if m.wrong != nil {
		return torn, m.wrong
	}
	if m.want == wantColon || m.want == wantValue && len(m.pending) == 0 {
		m.fail("it ends where a value is missing")
		return torn, m.wrong
	}
	torn = torn || len(m.open) > 0 && (!ended || len(m.pending) > 0) // more was to come
	m.dropComma()
	for _, bracket := range slices.Backward(m.open) {
		m.out = append(m.out, bracket+2) // { and [ stand two before } and ]
	}
	m.open, m.want = nil, wantEnd
	return torn, nil
}
