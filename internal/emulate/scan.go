package emulate

import "strings"

// The tags of a call, as the package's documentation shows them.
const (
	openTag  = "<tool_call>"
	closeTag = "</tool_call>"
)

// The beginnings of tags that models use beside openTag, and the closing tag of the
// second: `<tool_call name="NAME">`, `<function=NAME>`.
const (
	callTagStart     = "<tool_call"
	functionTagStart = "<function="
	functionCloseTag = "</function>"
	maxTagBytes      = 256 // bytes of such a tag
)

// pieceKind says what a piece of a model's answer is.
type pieceKind uint8

const (
	pieceText  pieceKind = iota // not part of a call
	pieceOpen                   // the tag, and what is forgiven behind it
	pieceBody                   // of the call
	pieceClose                  // the tag; "" or a part of it where it is missing
)

// piece is some of a model's answer. All pieces, put together, are the answer.
type piece struct {
	kind    pieceKind
	text    string
	isEnded bool // pieceClose: the model ended the call, with its tag or with the next call
}

// scanner tells calls from text while an answer comes. Text is passed on at once;
// only what may still become a tag is held back. Every tag that is not in a code
// fence or in inline code begins a call. Its body is JSON if a { or [ follows after
// white space or one opening fence, where a closing tag in a string is content.
// Each byte is looked at a bounded number of times.
type scanner struct {
	emit func(piece)

	mode scanMode
	held []byte // may still become a tag
	out  []byte // not emitted yet, all of kind
	kind pieceKind

	markdown  markdown
	opening   opening
	tag       string   // of the call under way, or of what may become one
	backticks int      // length of a run of backticks in the text that the tag's code span waits for
	isJSON    bool     // the body of the call under way is JSON
	body      jsonBody // it, while it is JSON
	nextTag   int      // in scanQuoted: where in held the next call's tag begins

	steps int // bytes looked at, for the test that this is linear
}

type scanMode uint8

const (
	scanText        scanMode = iota
	scanTag                  // held is a beginning of a tag
	scanAfterTag             // held is a tag and what may come before its body
	scanMaybeInline          // held is a call that may yet turn out to be inline code
	scanBody
	scanClose  // in a body: held is a beginning of the closing tag, or of the next call's openTag
	scanQuoted // in a body's string: held is the closing tag and what would have to follow for it to count
)

func newScanner(emit func(piece)) *scanner { return &scanner{emit: emit} }

// feed takes the next bytes of the answer.
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

// takePlain passes on what text begins with that means nothing where it stands, and
// returns how much that is.
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
	if n > 0 {
		s.put(kind)
		s.out = append(s.out, text[:n]...)
	}
	return n
}

// end takes the end of the answer: a call that is still open ends here. A closing
// tag in a string was meant as one if nothing follows it.
func (s *scanner) end() {
	if s.mode == scanMaybeInline { // no closing backticks came
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
		s.emit(piece{kind: s.kind, text: string(s.out)})
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
