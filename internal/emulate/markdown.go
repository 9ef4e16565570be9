package emulate

// markdown follows text byte by byte, and knows whether it is in a code fence or in inline code.
// It agrees with what a reader of the answer sees as code, except that inline code ends with its
// line, and that any white space may indent a fence.
type markdown struct {
	fenceChar   byte // of the open fence; 0 outside of fences
	fenceLen    int  // length of the open fence
	isFenceLine bool // in the line that opened the fence

	inlineLen     int  // backticks of the open inline code; 0 outside of it
	ignoresInline bool // backticks on this line no longer open inline code

	runLen        int  // length of the current run of ` or ~
	runChar       byte // of the run
	isFirstRun    bool // only indentation comes before the run on its line
	hasContent    bool // this line has more than indentation
	mayCloseFence bool // this line closes the fence if nothing else follows
}

// isFenced reports whether the next byte is in a code fence.
func (m *markdown) isFenced() bool {
	m.endRun('x')
	return m.fenceLen > 0
}

// dropInline drops the open inline code, because its line ended without closing it.
func (m *markdown) dropInline() { m.inlineLen, m.ignoresInline = 0, true }

// closeInline ends the inline code.
func (m *markdown) closeInline() { m.inlineLen, m.runLen = 0, 0 }

// take reads one byte of the text.
func (m *markdown) take(c byte) {
	m.endRun(c)
	switch {
	case c == '\n':
		m.newline()
	case (c == '`' || c == '~') && m.runLen == 0:
		m.runLen, m.runChar, m.isFirstRun = 1, c, !m.hasContent
		m.hasContent = true
	case c == '`' || c == '~':
		m.runLen++
	case c == ' ' || c == '\t' || c == '\r' || c == '>' && !m.hasContent:
	default:
		m.hasContent, m.mayCloseFence = true, false
	}
}

func (m *markdown) newline() {
	if m.mayCloseFence {
		m.fenceLen, m.fenceChar = 0, 0
	}
	m.inlineLen, m.ignoresInline, m.hasContent, m.mayCloseFence, m.isFenceLine = 0, false, false, false, false
}

// endRun handles a run of ` or ~ when c shows that it is over.
func (m *markdown) endRun(c byte) {
	n := m.runLen
	if n == 0 || c == m.runChar {
		return
	}
	m.runLen = 0
	switch {
	case m.isFenceLine && m.fenceChar == '`' && m.runChar == '`': // a line that opens a fence has no other backticks
		m.inlineLen, m.fenceLen, m.fenceChar, m.isFenceLine = m.fenceLen, 0, 0, false
		m.toggleInline(n)
	case m.fenceLen > 0:
		m.mayCloseFence = m.isFirstRun && m.runChar == m.fenceChar && n >= m.fenceLen
	case m.isFirstRun && n >= 3 && m.inlineLen == 0:
		m.fenceLen, m.fenceChar, m.isFenceLine = n, m.runChar, true
	case m.runChar == '`':
		m.toggleInline(n)
	}
}

// toggleInline opens or closes inline code at a run of n backticks.
func (m *markdown) toggleInline(n int) {
	switch m.inlineLen {
	case 0:
		if !m.ignoresInline {
			m.inlineLen = n
		}
	case n:
		m.inlineLen = 0
	}
}

// opening follows what is tolerated between a call's tag and its JSON: white space, and one
// opening fence with a word after it.
type opening struct {
	fenceLen      int
	fenceChar     byte
	hasWord       bool // the word after the fence has begun
	hasSpaceAfter bool // white space follows the fence
}

// take reports whether c is tolerated.
func (o *opening) take(c byte) bool {
	switch {
	case isSpace(c):
		o.hasSpaceAfter = o.fenceLen > 0
		return o.isComplete()
	case c == '`' || c == '~':
		if o.fenceLen > 0 && c != o.fenceChar || o.hasWord || o.hasSpaceAfter {
			return false
		}
		o.fenceLen, o.fenceChar = o.fenceLen+1, c
		return true
	case o.fenceLen >= 3 && !o.hasSpaceAfter && isInfoByte(c):
		o.hasWord = true
		return true
	default:
		return false
	}
}

// isInfoByte reports whether c may be in the word after a fence.
func isInfoByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// isComplete reports whether the JSON may follow.
func (o *opening) isComplete() bool { return o.fenceLen == 0 || o.fenceLen >= 3 }

// jsonBody follows the JSON of a call just enough to know where its strings are.
type jsonBody struct {
	depth     int
	hasBegun  bool
	quote     byte // of the open string; 0 outside of strings
	isEscaped bool // the next byte is escaped
	lastByte  byte // outside of strings and white space
}

// isComplete reports whether every bracket and string is closed.
func (b *jsonBody) isComplete() bool { return b.hasBegun && b.depth <= 0 && b.quote == 0 }

func (b *jsonBody) take(c byte) {
	if b.quote != 0 {
		switch {
		case b.isEscaped:
			b.isEscaped = false
		case c == '\\':
			b.isEscaped = true
		case c == b.quote:
			b.quote, b.lastByte = 0, c
		}
		return
	}
	switch {
	case isSpace(c):
		return
	case c == '"':
		b.quote = c
	case c == '\'' && (b.lastByte == '{' || b.lastByte == '[' || b.lastByte == ',' || b.lastByte == ':'):
		b.quote = c // a Python string
	case c == '{' || c == '[':
		b.depth++
		b.hasBegun = true
	case c == '}' || c == ']':
		b.depth--
	}
	b.lastByte = c
}
