package emulate

import "strings"

// The tags of a call, as in the package's documentation.
const (
	openTag  = "<tool_call>"
	closeTag = "</tool_call>"
)

// The beginnings of the other tags that models write, `<tool_call name="NAME">` and
// `<function=NAME>`, and the closing tag of the latter.
const (
	callTagStart     = "<tool_call"
	functionTagStart = "<function="
	functionCloseTag = "</function>"
	maxTagBytes      = 256 // bytes of such a tag
)

// pieceKind says what a piece of a reply is.
type pieceKind uint8

const (
	pieceText  pieceKind = iota // outside of calls
	pieceOpen                   // the tag, and what is tolerated after it
	pieceBody                   // the content of a call
	pieceClose                  // the closing tag, or the part of it that is there
)

// piece is a part of a reply. All pieces joined are the reply.
type piece struct {
	kind    pieceKind
	text    string
	isEnded bool // of pieceClose: a closing tag or the next call ended the call
}

// scanner separates calls from text while a reply comes. It emits text at once, and holds back
// only what may become a tag. Every tag outside of code fences and inline code begins a call. The
// body is JSON if a { or [ follows after white space or one opening fence. In JSON, a closing tag
// inside a string is content. The scanner reads each byte a bounded number of times.
type scanner struct {
	emit func(piece)

	mode scanMode
	held []byte // may become a tag
	out  []byte // not emitted yet; all of one kind
	kind pieceKind

	markdown  markdown
	opening   opening
	tag       string   // of the current call, or of what may become one
	backticks int      // length of the current run of backticks, which may close the inline code around a tag
	isJSON    bool     // the current call's body is JSON
	body      jsonBody // state of a body that is JSON
	nextTag   int      // in scanQuoted: index in held where the next call's tag begins

	steps int // bytes read; a test checks that this grows linearly
}

type scanMode uint8

const (
	scanText        scanMode = iota
	scanTag                  // held begins a tag
	scanAfterTag             // held is a tag and what is tolerated before its body
	scanMaybeInline          // held is a call that may be inline code
	scanBody
	scanClose  // in a body: held begins the closing tag or the next openTag
	scanQuoted // in a string of a body: held is the closing tag and what follows it
)

func newScanner(emit func(piece)) *scanner { return &scanner{emit: emit} }

// feed takes the next bytes of the reply.
func (s *scanner) feed(text string) {
	for i := 0; i < len(text); {
		if n := s.takePlain(text[i:]); n > 0 {
			s.steps += n
			i += n
			continue
		}
		s.take(text[i])
		i++
	}
	s.flush()
}

// takePlain buffers the bytes at the start of text that have no special meaning, and returns how
// many.
func (s *scanner) takePlain(text string) int {
	kind, special := pieceText, "<`~\n"
	switch {
	case s.mode == scanText && s.markdown.hasContent && !s.markdown.mayCloseFence && s.markdown.runLen == 0:
	case s.mode == scanBody && !s.isJSON:
		kind, special = pieceBody, "<"
	case s.mode == scanBody && s.body.quote != 0 && !s.body.isEscaped:
		kind, special = pieceBody, `<\"'`
	default:
		return 0
	}
	n := strings.IndexAny(text, special)
	if n < 0 {
		n = len(text)
	}
	switch {
	case n >= minUncopied: // the buffer would become as large
		s.put(kind)
		s.flush()
		s.emit(piece{kind: kind, text: text[:n]})
	case n > 0:
		s.put(kind)
		s.out = append(s.out, text[:n]...)
	}
	return n
}

// minUncopied is the number of plain bytes that are emitted as they are, without a copy.
const minUncopied = 4 << 10

// end takes the end of the reply, which also ends an open call. A closing tag in a string closes
// the call if nothing follows it.
func (s *scanner) end() {
	if s.mode == scanMaybeInline { // no backticks closed the inline code
		s.acceptCall()
	}
	switch s.mode {
	case scanTag:
		s.put(pieceText, s.held...)
	case scanAfterTag:
		s.put(pieceOpen, s.held...)
		s.emitClose("", false)
	case scanClose:
		s.emitClose(string(s.held), false)
	case scanQuoted:
		s.emitClose(string(s.held), true)
	case scanBody:
		s.emitClose("", false)
	}
	s.held = nil
	s.flush()
}

// put adds bytes to the piece that is emitted next.
func (s *scanner) put(kind pieceKind, bytes ...byte) {
	if kind != s.kind {
		s.flush()
	}
	s.kind = kind
	s.out = append(s.out, bytes...)
}

func (s *scanner) flush() {
	if len(s.out) > 0 {
		s.emit(piece{kind: s.kind, text: string(s.out)})
		s.out = s.out[:0]
	}
}

// take reads one byte.
func (s *scanner) take(c byte) {
	s.steps++
	switch s.mode {
	case scanText:
		s.takeText(c)
	case scanTag:
		s.takeTag(c)
	case scanAfterTag:
		s.takeAfterTag(c)
	case scanMaybeInline:
		s.takeMaybeInline(c)
	case scanBody:
		s.takeBody(c)
	case scanClose:
		s.takeClose(c)
	case scanQuoted:
		s.takeQuoted(c)
	}
}
