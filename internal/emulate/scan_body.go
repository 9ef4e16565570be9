package emulate

// begin starts a body.
func (s *scanner) begin() { s.mode, s.body = scanBody, body{} }

func (s *scanner) takeBody(c byte) {
	if c == '<' && !s.body.escaped {
		s.mode, s.held = scanClose, append(s.held[:0], c)
		return
	}
	s.body.take(c)
	s.put(pieceBody, c)
}

// takeClose looks for the end of a body: its tag, or the next call's after a body
// that is complete.
func (s *scanner) takeClose(c byte) {
	next := s.body.complete() && hasNext(openTag, s.held, c)
	if !next && !hasNext(closeTag, s.held, c) {
		s.notClosed(c)
		return
	}
	s.held = append(s.held, c)
	switch {
	case string(s.held) == openTag:
		s.flush()
		s.emit(piece{pieceClose, ""})
		s.mode, s.behind = scanBehind, opening{}
	case string(s.held) != closeTag:
	case s.body.quote != 0:
		s.mode, s.next = scanQuoted, len(s.held)
	default:
		s.closed()
	}
}

// hasNext reports whether c continues held towards tag.
func hasNext(tag string, held []byte, c byte) bool {
	return len(held) < len(tag) && tag[len(held)] == c && string(held) == tag[:len(held)]
}

func (s *scanner) closed() {
	s.put(pieceClose, s.held...)
	s.flush()
	s.mode, s.held = scanText, s.held[:0]
}

// notClosed takes what is held for a part of the body.
func (s *scanner) notClosed(c byte) {
	for _, b := range s.held {
		s.body.take(b)
	}
	s.put(pieceBody, s.held...)
	s.mode, s.held = scanBody, s.held[:0]
	s.take(c)
}

// takeQuoted decides about a closing tag inside a string. There it is content,
// unless the next call or the end of the answer follows it: then a quote was
// missing.
func (s *scanner) takeQuoted(c byte) {
	tag := s.held[s.next:]
	switch {
	case hasNext(openTag, tag, c):
		s.held = append(s.held, c)
		if len(tag)+1 == len(openTag) {
			s.held = s.held[:len(s.held)-len(openTag)]
			s.closedBefore(openTag)
		}
	case len(tag) == 0 && isSpace(c):
		s.held = append(s.held, c)
		s.next++
	default:
		s.notClosed(c)
	}
}

// closedBefore ends a body at the tag that is held; what is held behind it is text
// in front of the tag of the next call.
func (s *scanner) closedBefore(next string) {
	s.put(pieceClose, s.held[:len(closeTag)]...)
	s.flush()
	if white := s.held[len(closeTag):]; len(white) > 0 {
		s.put(pieceText, white...)
	}
	s.mode, s.behind = scanBehind, opening{}
	s.held = append(s.held[:0], next...)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
