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

// continuesTag reports whether c continues held towards a tag that begins a call,
// and whether the tag is whole then.
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

// emitAsText takes what is held for text.
func (s *scanner) emitAsText() {
	s.put(pieceText, s.held...)
	s.mode, s.held = scanText, s.held[:0]
}

func (s *scanner) takeAfterTag(c byte) {
	span := s.markdown.inlineLen
	switch {
	case c == '\n' && span > 0: // inline code ends with its line, so there was none
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

// rejectTag takes the tag for text, because of c behind it. What came between is
// looked at again: it may open a fence.
func (s *scanner) rejectTag(c byte) {
	behind := append([]byte(nil), s.held[len(s.tag):]...)
	s.held = s.held[:len(s.tag)]
	s.emitAsText()
	for _, b := range behind {
		s.take(b)
	}
	s.take(c)
}

// takeMaybeInline holds a call that stands behind backticks which may be inline code's.
func (s *scanner) takeMaybeInline(c byte) {
	if c != '`' && s.backticks == s.markdown.inlineLen { // closed: it was
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

// acceptCall takes what is held for a call after all: the backticks before it are no
// inline code's, and none on this line are.
func (s *scanner) acceptCall() {
	if s.backticks == s.markdown.inlineLen { // closed by the last bytes of the answer
		s.emitAsText()
		return
	}
	s.markdown.dropInline()
	behind := append([]byte(nil), s.held[len(s.tag):]...)
	s.held = s.held[:len(s.tag)]
	s.beginCall(s.tag)
	for _, b := range behind {
		s.take(b)
	}
}
