package emulate

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// takeString looks at a byte inside a string.
func (r *repairer) takeString(c byte) {
	switch {
	case r.escapeState == 1:
		r.takeEscape(c)
	case r.escapeState > 1:
		r.takeHex(c)
	case c == r.quote:
		r.out = append(r.out, '"')
		r.quote = 0
		if r.expect == expectKey || r.expect == expectFirstKey {
			r.expect = expectColon
		} else {
			r.endValue()
		}
	case c == '\\':
		r.escapeState = 1
	case c == '"': // in single quotes
		r.out = append(r.out, '\\', '"')
	case c < ' ':
		r.writeControl(c)
	default:
		r.out = append(r.out, c)
	}
}

// takeEscape looks at the byte after a backslash. The backslash is written only
// now, because not all of them stay.
//
// An escape that JSON does not have, such as \d in a pattern or \U in a path, shows
// that the model does not double its backslashes: that backslash is literal. Then
// \n in the same text may be one too, as in C:\Users\new, so nobody knows what it
// means. The escape of the string's own quote has one meaning only.
func (r *repairer) takeEscape(c byte) {
	r.escapeState = 0
	switch {
	case c == '\'' && r.quote == c:
		r.out = append(r.out, c)
	case c == '\'':
		r.fail(`\' stands in a string with double quotes, where JSON has no such escape; write ' or \\'`)
	case c == '"' && r.quote == c:
		r.out = append(r.out, '\\', c)
	case c == 'u':
		r.out = append(r.out, '\\', 'u')
		r.escapeState, r.hasEscape = 2, true
	case strings.IndexByte(`"\/bfnrt`, c) >= 0:
		r.out = append(r.out, '\\', c)
		r.hasEscape = true
	case c < ' ':
		r.fail("a backslash stands before a line break or another control character")
	default:
		r.out = append(r.out, '\\', '\\', c)
		r.hasLiteral = true
	}
	if r.hasEscape && r.hasLiteral && r.err == nil {
		r.fail("a backslash is followed by a character that no escape begins with, so it is not clear which backslashes " +
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

func (r *repairer) takeHex(c byte) {
	if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
		r.fail(`\u is not followed by four hexadecimal digits`)
		return
	}
	r.out = append(r.out, c)
	if r.escapeState++; r.escapeState == 6 {
		r.escapeState = 0
	}
}

// writeControl writes a raw control character as JSON has it.
func (r *repairer) writeControl(c byte) {
	const hex = "0123456789abcdef"
	switch c {
	case '\n':
		r.out = append(r.out, '\\', 'n')
	case '\r':
		r.out = append(r.out, '\\', 'r')
	case '\t':
		r.out = append(r.out, '\\', 't')
	default:
		r.out = append(r.out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
	}
}

// finish closes what is open. It returns truncated and takes ended as repair does.
func (r *repairer) finish(ended bool) (truncated bool, err error) {
	if r.err != nil {
		return false, r.err
	}
	switch {
	case r.quote != 0 && r.escapeState > 1:
		r.fail(`\u is not followed by four hexadecimal digits`)
		return false, r.err
	case r.quote != 0:
		truncated, r.escapeState = true, 0 // a backslash with nothing behind it is dropped
		r.takeString(r.quote)
	case len(r.token) > 0:
		_, word := literalWords[string(r.token)]
		truncated = !word && len(r.openBrackets) > 0
		r.endToken()
	}
	if r.err != nil {
		return truncated, r.err
	}
	if r.expect == expectColon || r.expect == expectValue && len(r.pending) == 0 {
		r.fail("it ends where a value is missing")
		return truncated, r.err
	}
	truncated = truncated || len(r.openBrackets) > 0 && (!ended || len(r.pending) > 0) // more was to come
	r.dropComma()
	for _, bracket := range slices.Backward(r.openBrackets) {
		r.out = append(r.out, bracket+2) // { and [ stand two before } and ]
	}
	r.openBrackets, r.expect = nil, expectEnd
	return truncated, nil
}
