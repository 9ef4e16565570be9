package emulate

import (
	"strings"

	"achuan/internal/chat"
)

// thoughts is the reasoning of an answer where calls have a meaning. A model that
// never closes its reasoning makes its calls inside of it, so what may be a call is
// held until it is known whether text follows.
type thoughts struct {
	scan    *scanner
	plain   unescaper
	tag     string
	body    strings.Builder // of the call under way
	calls   []rawCall
	held    strings.Builder // from the first call on
	dropped bool            // something but white space stands behind a call
	closed  bool            // text has come: the calls were mere thoughts
}

// think takes a piece of the reasoning. The client has that of the first answer
// when a repaired one comes.
func (s *Shaper) think(text string) {
	t := &s.reply.thoughts
	if !s.plan.hasTools || t.closed {
		s.sayThought(text)
		return
	}
	if t.scan == nil {
		t.scan = newScanner(s.thoughtPiece)
	}
	t.scan.feed(text)
}

func (s *Shaper) sayThought(text string) {
	if s.asked == 0 && text != "" {
		s.pass(chat.Event{Kind: chat.EventReasoning, Text: text})
	}
}

// thoughtPiece takes what the scanner finds in the reasoning.
func (s *Shaper) thoughtPiece(p piece) {
	t := &s.reply.thoughts
	if p.kind == pieceText && t.held.Len() == 0 {
		s.sayThought(t.plain.take(p.text))
		return
	}
	if t.held.Len() == 0 {
		s.sayThought(t.plain.end())
	}
	t.held.WriteString(p.text)
	switch p.kind {
	case pieceText:
		t.dropped = t.dropped || !isBlank(p.text)
	case pieceOpen:
		t.tag = callTag(p.text)
	case pieceBody:
		t.body.WriteString(p.text)
	case pieceClose:
		t.calls = append(t.calls, rawCall{tag: t.tag, body: t.body.String(), ended: p.ended})
		t.body.Reset()
	}
}

// closeThoughts passes on what was held of the reasoning: it has ended.
func (s *Shaper) closeThoughts() {
	t := &s.reply.thoughts
	if t.closed {
		return
	}
	t.closed = true
	if t.scan != nil {
		t.scan.end()
		s.sayThought(t.plain.end() + t.held.String())
	}
}

// endThoughts takes the calls in a reasoning that was never closed for those of the
// answer. stored is the answer as the platform keeps it.
func (s *Shaper) endThoughts(stored string) {
	t := &s.reply.thoughts
	if t.closed || t.scan == nil {
		return
	}
	t.scan.end()
	if len(t.calls) == 0 || strings.Contains(stored, "</think>") {
		s.closeThoughts()
		return
	}
	s.reply.called, s.reply.calls = true, t.calls
	s.reply.eager = make([]*eagerCall, len(t.calls))
	s.dropped = s.dropped || t.dropped
}
