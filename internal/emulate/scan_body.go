package emulate

import "strings"

// beginBody begins the body of the call whose tag is held.
func (s *scanner) beginBody(isJSON bool) {
	s.put(pieceOpen, s.held...)
	s.held = s.held[:0]
	s.mode, s.isJSON, s.body = scanBody, isJSON, jsonBody{}
}

// closeTag returns the closing tag of the current call.
func (s *scanner) closeTag() string {
	if strings.HasPrefix(s.tag, functionTagStart) {
		return functionCloseTag
	}
	return closeTag
}

func (s *scanner) takeBody(c byte) {
	if c == '<' && !s.body.isEscaped {
		s.mode, s.held = scanClose, append(s.held[:0], c)
		return
	}
	s.addToBody(c)
}

func (s *scanner) addToBody(bytes ...byte) {
	if s.isJSON {
		for _, b := range bytes {
			s.body.take(b)
		}
	}
	s.put(pieceBody, bytes...)
}

// takeClose looks for the end of a body: its closing tag or, after a complete body or one that is
// not JSON, the next call's tag.
func (s *scanner) takeClose(c byte) {
	tag := s.closeTag()
	next := (s.body.isComplete() || !s.isJSON && tag == closeTag) && extendsTag(openTag, s.held, c)
	if !next && !extendsTag(tag, s.held, c) {
		s.continueBody(c)
		return
	}
	s.held = append(s.held, c)
	switch {
	case next && string(s.held) == openTag:
		s.emitClose("", true)
		s.beginCall(openTag)
	case string(s.held) != tag:
	case s.body.quote != 0:
		s.mode, s.nextTag = scanQuoted, len(s.held)
	default:
		s.emitClose(tag, true)
		s.mode, s.held = scanText, s.held[:0]
	}
}

// emitClose emits the end of a call.
func (s *scanner) emitClose(text string, ended bool) {
	s.flush()
	s.emit(piece{pieceClose, text, ended})
}

// extendsTag reports whether held and c together begin tag.
func extendsTag(tag string, held []byte, c byte) bool {
	return len(held) < len(tag) && tag[len(held)] == c && string(held) == tag[:len(held)]
}

// continueBody treats the held bytes as a part of the body.
func (s *scanner) continueBody(c byte) {
	s.addToBody(s.held...)
	s.mode, s.held = scanBody, s.held[:0]
	s.take(c)
}

// takeQuoted decides about a closing tag inside a string. It is content, unless the next call or
// the end of the reply follows: then the closing quote is missing.
func (s *scanner) takeQuoted(c byte) {
	tag := s.held[s.nextTag:]
	switch {
	case extendsTag(openTag, tag, c):
		s.held = append(s.held, c)
		if len(tag)+1 == len(openTag) {
			s.held = s.held[:len(s.held)-len(openTag)]
			s.closeBeforeCall(openTag)
		}
	case len(tag) == 0 && isSpace(c):
		s.held = append(s.held, c)
		s.nextTag++
	default:
		s.continueBody(c)
	}
}

// closeBeforeCall ends a body at the held closing tag. What follows it is text in front of the
// next call.
func (s *scanner) closeBeforeCall(next string) {
	tag := s.closeTag()
	s.emitClose(tag, true)
	if space := s.held[len(tag):]; len(space) > 0 {
		s.put(pieceText, space...)
	}
	s.held = append(s.held[:0], next...)
	s.beginCall(next)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
