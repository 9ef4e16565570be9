package emulate

// markdown knows whether text stands in a code fence or in inline code, byte by
// byte. It is what a reader of the answer would see as code, with two limits:
// inline code ends with its line, and a fence may be indented by any white space.
type markdown struct {
	fenceChar   byte // of the open fence; 0 is none
	fenceLen    int  // how long the open fence is
	isFenceLine bool // in the line that opened it

	inlineLen     int  // backticks of the open inline code; 0 is none
	ignoresInline bool // backticks on this line open nothing any more

	runLen        int  // length of the run of ` or ~ that is under way
	runChar       byte // of it
	isFirstRun    bool // the run is the first of its line
	hasContent    bool // something but indentation has come on this line
	mayCloseFence bool // this line closes the fence, if nothing else is on it
}

// isFenced reports whether the next byte stands in a code fence.
func (m *markdown) isFenced() bool {
	m.endRun('x')
	return m.fenceLen > 0
}

// dropInline drops the inline code that is open: its line ended without closing it.
func (m *markdown) dropInline() { m.inlineLen, m.ignoresInline = 0, true }

// closeInline ends the inline code.
func (m *markdown) closeInline() { m.inlineLen, m.runLen = 0, 0 }

// take looks at one byte of the text.
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

// endRun decides what a run means, once c says that it is over.
func (m *markdown) endRun(c byte) {
	n := m.runLen
	if n == 0 || c == m.runChar {
		return
	}
	m.runLen = 0
	switch {
	case m.isFenceLine && m.fenceChar == '`' && m.runChar == '`': // no fence has backticks behind it
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

// opening is what is forgiven between a call's tag and its JSON: white space and one
// opening fence with a word behind it.
type opening struct {
	fenceLen      int
	fenceChar     byte
	hasWord       bool // in the word behind the fence, or after it
	hasSpaceAfter bool // white space has come behind the fence
}

// take reports whether c may stand there.
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
	case o.fenceLen >= 3 && !o.hasSpaceAfter && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'):
		o.hasWord = true
		return true
	default:
		return false
	}
}

// isComplete reports whether the JSON may come.
func (o *opening) isComplete() bool { return o.fenceLen == 0 || o.fenceLen >= 3 }

// jsonBody follows the JSON of a call closely enough to tell where its strings are.
type jsonBody struct {
	depth     int
	hasBegun  bool
	quote     byte // of the open string; 0 is none
	isEscaped bool // the next byte is
	lastByte  byte // the last byte that is no white space, outside of strings
}

// isComplete reports whether all that was opened is closed.
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
		b.quote = c // as Python writes strings
	case c == '{' || c == '[':
		b.depth++
		b.hasBegun = true
	case c == '}' || c == ']':
		b.depth--
	}
	b.lastByte = c
}
