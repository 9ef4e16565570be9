package emulate

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
)

// takeString reads a byte inside a string.
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

// takeEscape reads the byte after a backslash, and writes both, because not every backslash stays.
//
// An escape that JSON does not have, such as \d in a pattern or \U in a path, shows that the model
// does not double its backslashes, so this backslash is literal. Then \n in the same text may also
// be literal, as in C:\Users\new, so its meaning is unknown. The escape of the string's own quote
// has only one meaning.
func (r *repairer) takeEscape(c byte) {
	r.escapeState = 0
	switch {
	case c == '\'' && r.quote == c:
		r.out = append(r.out, c)
	case c == '\'':
		r.fail(`\' is not an escape in a JSON string with double quotes; write ' or \\'`)
	case c == '"' && r.quote == c:
		r.out = append(r.out, '\\', c)
	case c == 'u':
		r.out = append(r.out, '\\', 'u')
		r.escapeState, r.hasEscape = 2, true
	case strings.IndexByte(`"\/bfnrt`, c) >= 0:
		r.out = append(r.out, '\\', c)
		r.hasEscape = true
	case c < ' ':
		r.fail("a backslash comes before a line break or another control character")
	default:
		r.out = append(r.out, '\\', '\\', c)
		r.hasLiteral = true
	}
	if r.hasEscape && r.hasLiteral && r.err == nil {
		r.fail("a backslash comes before a character that has no escape, so it is unclear which backslashes are literal; " +
			`write each literal backslash as \\`)
	}
}

// hasLoneSurrogate reports whether a valid JSON text escapes one half of a surrogate pair without
// the other. That is not a character, and clients fail to encode it.
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

// writeControl writes a raw control character as its JSON escape.
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

// finish closes what is open. Its parameter and its first result are those of repair.
func (r *repairer) finish(isEnded bool) (truncated bool, err error) {
	if r.err != nil {
		return false, r.err
	}
	switch {
	case r.quote != 0 && r.escapeState > 1:
		r.fail(`\u is not followed by four hexadecimal digits`)
		return false, r.err
	case r.quote != 0:
		truncated, r.escapeState = true, 0 // drops a backslash at the end
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
	truncated = truncated || len(r.openBrackets) > 0 && (!isEnded || len(r.pending) > 0) // more text was to follow
	r.dropComma()
	for _, bracket := range slices.Backward(r.openBrackets) {
		r.out = append(r.out, bracket+2) // { and [ stand two before } and ]
	}
	r.openBrackets, r.expect = nil, expectEnd
	return truncated, nil
}
