package emulate

import "strings"

func (s *scanner) takeText(c byte) {
	if c == '<' && !s.markdown.fenced() {
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
		s.giveUp()
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
	if hasNext(callTagStart, held, c) || hasNext(functionTagStart, held, c) {
		return false, true
	}
	n := len(held)
	if n < len(callTagStart) || n >= maxTag || strings.IndexByte("<\n`~", c) >= 0 {
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
	s.mode, s.tag, s.behind = scanBehind, tag, opening{}
}

// giveUp takes what is held for text.
func (s *scanner) giveUp() {
	s.put(pieceText, s.held...)
	s.mode, s.held = scanText, s.held[:0]
}

func (s *scanner) takeBehind(c byte) {
	span := s.markdown.span
	switch {
	case c == '\n' && span > 0: // inline code ends with its line, so there was none
		s.markdown.forget()
	case c == '`' && span > 0:
		s.notBehind(c)
		return
	case span > 0 && !isSpace(c):
		s.mode, s.doubt = scanDoubt, 0
		s.held = append(s.held, c)
		return
	case c == '{' || c == '[':
		s.beginBody(s.behind.done())
		s.take(c)
		return
	}
	if !s.behind.take(c) {
		s.beginBody(false)
		s.take(c)
		return
	}
	s.held = append(s.held, c)
}

// notBehind takes the tag for text, because of c behind it. What came between is
// looked at again: it may open a fence.
func (s *scanner) notBehind(c byte) {
	behind := append([]byte(nil), s.held[len(s.tag):]...)
	s.held = s.held[:len(s.tag)]
	s.giveUp()
	for _, b := range behind {
		s.take(b)
	}
	s.take(c)
}

// takeDoubt holds a call that stands behind backticks which may be inline code's.
func (s *scanner) takeDoubt(c byte) {
	if c != '`' && s.doubt == s.markdown.span { // closed: it was
		s.markdown.close()
		s.giveUp()
		s.take(c)
		return
	}
	s.held = append(s.held, c)
	switch c {
	case '`':
		s.doubt++
	case '\n':
		s.believe()
	default:
		s.doubt = 0
	}
}

// believe takes what is held for a call after all: the backticks before it are no
// inline code's, and none on this line are.
func (s *scanner) believe() {
	if s.doubt == s.markdown.span { // closed by the last bytes of the answer
		s.giveUp()
		return
	}
	s.markdown.forget()
	behind := append([]byte(nil), s.held[len(s.tag):]...)
	s.held = s.held[:len(s.tag)]
	s.beginCall(s.tag)
	for _, b := range behind {
		s.take(b)
	}
}
