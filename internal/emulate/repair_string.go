package emulate

import (
	"slices"
	"strings"
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
func (m *mender) takeEscape(c byte) {
	m.escape = 0
	switch {
	case c == 'u':
		m.out = append(m.out, '\\', 'u')
		m.escape = 2
	case c == '\'': // as Python escapes it; JSON has no such escape
		m.out = append(m.out, c)
	case strings.IndexByte(`"\/bfnrt`, c) >= 0:
		m.out = append(m.out, '\\', c)
	case c < ' ':
		m.fail("a backslash stands before a line break or another control character")
	default: // \d in a pattern, \s in a path: the backslash itself was meant
		m.out = append(m.out, '\\', '\\', c)
	}
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
