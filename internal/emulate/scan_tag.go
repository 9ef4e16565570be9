package emulate

import "strings"

func (s *scanner) takeText(c byte) {
	if c == '<' && !s.markdown.isFenced() {
		s.markdown.take(c)
		s.mode, s.held = scanTag, append(s.held[:0], c)
		return
	}
	s.markdown.take(c)
	s.put(pieceText, c)
}

func (s *scanner) takeTag(c byte) {
	whole, ok := continuesTag(s.held, c)
	if !ok {
		s.emitAsText()
		s.take(c)
		return
	}
	s.held = append(s.held, c)
	if whole {
		s.beginCall(string(s.held))
	}
}

// continuesTag reports whether c continues a tag that begins a call, and whether the tag is whole
// then.
func continuesTag(held []byte, c byte) (whole, ok bool) {
	if extendsTag(callTagStart, held, c) || extendsTag(functionTagStart, held, c) {
		return false, true
	}
	n := len(held)
	if n < len(callTagStart) || n >= maxTagBytes || strings.IndexByte("<\n`~", c) >= 0 {
		return false, false
	}
	if strings.HasPrefix(string(held), functionTagStart) {
		return c == '>' && n > len(functionTagStart), c != '>' && !isSpace(c) || c == '>' && n > len(functionTagStart)
	}
	if string(held[:len(callTagStart)]) != callTagStart {
		return false, false
	}
	return c == '>', c == '>' || n > len(callTagStart) || isSpace(c)
}

// beginCall waits for the body of a call after its tag.
func (s *scanner) beginCall(tag string) {
	s.mode, s.tag, s.opening = scanAfterTag, tag, opening{}
}

// emitAsText treats the held bytes as text.
func (s *scanner) emitAsText() {
	s.put(pieceText, s.held...)
	s.mode, s.held = scanText, s.held[:0]
}

func (s *scanner) takeAfterTag(c byte) {
	span := s.markdown.inlineLen
	switch {
	case c == '\n' && span > 0: // inline code ends with its line, so this is not inline code
		s.markdown.dropInline()
	case c == '`' && span > 0:
		s.rejectTag(c)
		return
	case span > 0 && !isSpace(c):
		s.mode, s.backticks = scanMaybeInline, 0
		s.held = append(s.held, c)
		return
	case c == '{' || c == '[':
		s.beginBody(s.opening.isComplete())
		s.take(c)
		return
	}
	if !s.opening.take(c) {
		s.beginBody(false)
		s.take(c)
		return
	}
	s.held = append(s.held, c)
}

// rejectTag treats the tag as text because of c after it. The bytes between are read again,
// because they may open a fence.
func (s *scanner) rejectTag(c byte) {
	rest := append([]byte(nil), s.held[len(s.tag):]...)
	s.held = s.held[:len(s.tag)]
	s.emitAsText()
	for _, b := range rest {
		s.take(b)
	}
	s.take(c)
}

// takeMaybeInline holds a call after backticks that may begin inline code.
func (s *scanner) takeMaybeInline(c byte) {
	if c != '`' && s.backticks == s.markdown.inlineLen { // it was inline code
		s.markdown.closeInline()
		s.emitAsText()
		s.take(c)
		return
	}
	s.held = append(s.held, c)
	switch c {
	case '`':
		s.backticks++
	case '\n':
		s.acceptCall()
	default:
		s.backticks = 0
	}
}

// acceptCall treats the held bytes as a call. The backticks before it begin no inline code, and no
// others on this line do.
func (s *scanner) acceptCall() {
	if s.backticks == s.markdown.inlineLen { // the last bytes of the reply closed the inline code
		s.emitAsText()
		return
	}
	s.markdown.dropInline()
	rest := append([]byte(nil), s.held[len(s.tag):]...)
	s.held = s.held[:len(s.tag)]
	s.beginCall(s.tag)
	for _, b := range rest {
		s.take(b)
	}
}
