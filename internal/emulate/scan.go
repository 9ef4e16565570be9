package emulate

import "strings"

// The tags of a call, as the package's documentation shows them.
const (
	openTag  = "<tool_call>"
	closeTag = "</tool_call>"
)

// pieceKind says what a piece of a model's answer is.
type pieceKind uint8

const (
	pieceText  pieceKind = iota // not part of a call
	pieceOpen                   // the tag, and what is forgiven behind it
	pieceBody                   // of the call, from its { on
	pieceClose                  // the tag; "" or a part of it at the end of an answer
)

// piece is some of a model's answer. All pieces, put together, are the answer.
type piece struct {
	kind pieceKind
	text string
}

// scanner tells calls from text while an answer comes. Text is passed on at once;
// only what may still become a tag is held back. A tag counts unless it is in a
// code fence or in inline code, and if a { follows it after white space or one
// opening fence. Each byte is looked at a bounded number of times.
type scanner struct {
	emit func(piece)

	mode scanMode
	held []byte // may still become a tag
	out  []byte // not emitted yet, all of kind
	kind pieceKind

	markdown markdown
	behind   opening
	doubt    int  // length of a run of backticks in the text that the tag's code span waits for
	body     body // of the call under way
	next     int  // in scanQuoted: where in held the next call's tag begins

	steps int // bytes looked at, for the test that this is linear
}

type scanMode uint8

const (
	scanText   scanMode = iota
	scanTag             // held is a beginning of openTag
	scanBehind          // held is openTag and what may come before a {
	scanDoubt           // held is a call that may yet turn out to be inline code
	scanBody
	scanClose  // in a body: held is a beginning of closeTag, or of openTag after a complete body
	scanQuoted // in a body's string: held is closeTag and what would have to follow for it to count
)

func newScanner(emit func(piece)) *scanner { return &scanner{emit: emit} }

// feed takes the next bytes of the answer.
func (s *scanner) feed(text string) {
	for i := 0; i < len(text); {
		if n := s.plain(text[i:]); n > 0 {
			s.steps += n
			i += n
			continue
		}
		s.take(text[i])
		i++
	}
	s.flush()
}

// plain passes on what text begins with that means nothing where it stands, and
// returns how much that is.
func (s *scanner) plain(text string) int {
	kind, special := pieceText, "<`~\n"
	switch {
	case s.mode == scanText && s.markdown.inside && !s.markdown.ends && s.markdown.run == 0:
	case s.mode == scanBody && s.body.quote != 0 && !s.body.escaped:
		kind, special = pieceBody, `<\"'`
	default:
		return 0
	}
	n := strings.IndexAny(text, special)
	if n < 0 {
		n = len(text)
	}
	if n > 0 {
		s.put(kind)
		s.out = append(s.out, text[:n]...)
	}
	return n
}

// end takes the end of the answer: a call that is still open ends here.
func (s *scanner) end() {
	if s.mode == scanDoubt { // no closing backticks came
		s.believe()
	}
	switch s.mode {
	case scanTag, scanBehind:
		s.put(pieceText, s.held...)
	case scanClose:
		s.put(pieceClose, s.held...)
	case scanQuoted:
		s.put(pieceClose, s.held...)
	case scanBody:
		s.flush()
		s.emit(piece{pieceClose, ""})
	}
	s.held = nil
	s.flush()
}

// put adds to what is emitted next.
func (s *scanner) put(kind pieceKind, bytes ...byte) {
	if kind != s.kind {
		s.flush()
	}
	s.kind = kind
	s.out = append(s.out, bytes...)
}

func (s *scanner) flush() {
	if len(s.out) > 0 {
		s.emit(piece{s.kind, string(s.out)})
		s.out = s.out[:0]
	}
}

// take looks at one byte.
func (s *scanner) take(c byte) {
	s.steps++
	switch s.mode {
	case scanText:
		s.takeText(c)
	case scanTag:
		s.takeTag(c)
	case scanBehind:
		s.takeBehind(c)
	case scanDoubt:
		s.takeDoubt(c)
	case scanBody:
		s.takeBody(c)
	case scanClose:
		s.takeClose(c)
	case scanQuoted:
		s.takeQuoted(c)
	}
}

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
	if c != openTag[len(s.held)] {
		s.giveUp()
		s.take(c)
		return
	}
	s.held = append(s.held, c)
	if len(s.held) == len(openTag) {
		s.mode, s.behind = scanBehind, opening{}
	}
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
	case c == '`' && span > 0, c == '{' && !s.behind.done(): // no fence in inline code, or none at all
		s.notBehind(c)
		return
	case c == '{' && span > 0:
		s.mode, s.doubt = scanDoubt, 0
		s.held = append(s.held, c)
		return
	case c == '{':
		s.put(pieceOpen, s.held...)
		s.held = s.held[:0]
		s.begin()
		s.take(c)
		return
	}
	if !s.behind.take(c) {
		s.notBehind(c)
		return
	}
	s.held = append(s.held, c)
}

// notBehind takes the tag for text, because of c behind it. What came between is
// looked at again: it may open a fence.
func (s *scanner) notBehind(c byte) {
	behind := append([]byte(nil), s.held[len(openTag):]...)
	s.held = s.held[:len(openTag)]
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
	held := append([]byte(nil), s.held...)
	s.mode, s.held, s.behind = scanBehind, append(s.held[:0], openTag...), opening{}
	for _, b := range held[len(openTag):] {
		s.take(b)
	}
}
