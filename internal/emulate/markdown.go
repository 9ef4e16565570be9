package emulate

// markdown knows whether text stands in a code fence or in inline code, byte by
// byte. It is what a reader of the answer would see as code, with two limits:
// inline code ends with its line, and a fence may be indented by any white space.
type markdown struct {
	char  byte // of the open fence; 0 is none
	fence int  // how long the open fence is
	info  bool // in the line that opened it

	span   int  // backticks of the open inline code; 0 is none
	noSpan bool // backticks on this line open nothing any more

	run     int  // length of the run of ` or ~ that is under way
	runChar byte // of it
	first   bool // the run is the first of its line
	inside  bool // something but indentation has come on this line
	ends    bool // this line closes the fence, if nothing else is on it
}

// fenced reports whether the next byte stands in a code fence.
func (m *markdown) fenced() bool {
	m.endRun('x')
	return m.fence > 0
}

// forget drops the inline code that is open: its line ended without closing it.
func (m *markdown) forget() { m.span, m.noSpan = 0, true }

// close ends the inline code.
func (m *markdown) close() { m.span, m.run = 0, 0 }

// take looks at one byte of the text.
func (m *markdown) take(c byte) {
	m.endRun(c)
	switch {
	case c == '\n':
		m.newline()
	case (c == '`' || c == '~') && m.run == 0:
		m.run, m.runChar, m.first = 1, c, !m.inside
		m.inside = true
	case c == '`' || c == '~':
		m.run++
	case c == ' ' || c == '\t' || c == '\r' || c == '>' && !m.inside:
	default:
		m.inside, m.ends = true, false
	}
}

func (m *markdown) newline() {
	if m.ends {
		m.fence, m.char = 0, 0
	}
	m.span, m.noSpan, m.inside, m.ends, m.info = 0, false, false, false, false
}

// endRun decides what a run means, once c says that it is over.
func (m *markdown) endRun(c byte) {
	n := m.run
	if n == 0 || c == m.runChar {
		return
	}
	m.run = 0
	switch {
	case m.info && m.char == '`' && m.runChar == '`': // no fence has backticks behind it
		m.span, m.fence, m.char, m.info = m.fence, 0, 0, false
		m.endSpan(n)
	case m.fence > 0:
		m.ends = m.first && m.runChar == m.char && n >= m.fence
	case m.first && n >= 3 && m.span == 0:
		m.fence, m.char, m.info = n, m.runChar, true
	case m.runChar == '`':
		m.endSpan(n)
	}
}

// endSpan opens or closes inline code at a run of n backticks.
func (m *markdown) endSpan(n int) {
	switch m.span {
	case 0:
		if !m.noSpan {
			m.span = n
		}
	case n:
		m.span = 0
	}
}

// opening is what is forgiven between a call's tag and its JSON: white space and one
// opening fence with a word behind it.
type opening struct {
	fence int
	char  byte
	word  bool // in the word behind the fence, or after it
	after bool // white space has come behind the fence
}

// take reports whether c may stand there.
func (o *opening) take(c byte) bool {
	switch {
	case isSpace(c):
		o.after = o.fence > 0
		return o.done()
	case c == '`' || c == '~':
		if o.fence > 0 && c != o.char || o.word || o.after {
			return false
		}
		o.fence, o.char = o.fence+1, c
		return true
	case o.fence >= 3 && !o.after && (c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '-'):
		o.word = true
		return true
	default:
		return false
	}
}

// done reports whether the JSON may come.
func (o *opening) done() bool { return o.fence == 0 || o.fence >= 3 }

// body follows the JSON of a call closely enough to tell where its strings are.
type body struct {
	depth   int
	begun   bool
	quote   byte // of the open string; 0 is none
	escaped bool // the next byte is
	before  byte // the last byte that is no white space, outside of strings
}

// complete reports whether all that was opened is closed.
func (b *body) complete() bool { return b.begun && b.depth <= 0 && b.quote == 0 }

func (b *body) take(c byte) {
	if b.quote != 0 {
		switch {
		case b.escaped:
			b.escaped = false
		case c == '\\':
			b.escaped = true
		case c == b.quote:
			b.quote, b.before = 0, c
		}
		return
	}
	switch {
	case isSpace(c):
		return
	case c == '"':
		b.quote = c
	case c == '\'' && (b.before == '{' || b.before == '[' || b.before == ',' || b.before == ':'):
		b.quote = c // as Python writes strings
	case c == '{' || c == '[':
		b.depth++
		b.begun = true
	case c == '}' || c == ']':
		b.depth--
	}
	b.before = c
}
