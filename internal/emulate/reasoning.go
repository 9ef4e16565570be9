package emulate

import (
	"strings"

	"achuan/internal/chat"
)

// reasoning is the reasoning of an answer that may contain calls. A model that never closes its
// reasoning makes its calls inside it. So what may be a call is held until it is known whether
// text follows.
type reasoning struct {
	scanner    *scanner
	unescaper  unescaper
	tag        string
	body       strings.Builder // of the current call
	calls      []rawCall
	held       strings.Builder // the reasoning from the first call on
	hasDropped bool            // text follows a call
	isClosed   bool            // the answer's text has begun, so the calls are reasoning
}

// takeReasoning takes a piece of the reasoning. The client gets only the reasoning of the first
// reply, not that of a repaired one.
func (s *Shaper) takeReasoning(text string) {
	t := &s.reply.reasoning
	if !s.plan.hasTools || t.isClosed {
		s.emitReasoning(text)
		return
	}
	if t.scanner == nil {
		t.scanner = newScanner(s.takeReasoningPiece)
	}
	t.scanner.feed(text)
}

func (s *Shaper) emitReasoning(text string) {
	if s.repairs == 0 && text != "" {
		s.emit(chat.Event{Kind: chat.EventReasoning, Text: text})
	}
}

// takeReasoningPiece takes a piece that the scanner found in the reasoning.
func (s *Shaper) takeReasoningPiece(p piece) {
	t := &s.reply.reasoning
	if p.kind == pieceText && t.held.Len() == 0 {
		s.emitReasoning(t.unescaper.take(p.text))
		return
	}
	if t.held.Len() == 0 {
		s.emitReasoning(t.unescaper.flush())
	}
	t.held.WriteString(p.text)
	s.reply.keptBytes += len(p.text)
	switch p.kind {
	case pieceText:
		t.hasDropped = t.hasDropped || !isBlank(p.text)
	case pieceOpen:
		t.tag = openingTag(p.text)
	case pieceBody:
		t.body.WriteString(p.text)
	case pieceClose:
		t.calls = append(t.calls, rawCall{tag: t.tag, body: t.body.String(), isEnded: p.isEnded})
		t.body.Reset()
	}
}

// closeReasoning emits the held reasoning, because the reasoning has ended.
func (s *Shaper) closeReasoning() {
	t := &s.reply.reasoning
	if t.isClosed {
		return
	}
	t.isClosed = true
	if t.scanner != nil {
		t.scanner.end()
		s.emitReasoning(t.unescaper.flush() + t.held.String())
	}
}

// endReasoning makes the calls in a reasoning that was never closed the calls of the answer.
// stored is the answer as the platform stored it.
func (s *Shaper) endReasoning(stored string) {
	t := &s.reply.reasoning
	if t.isClosed || t.scanner == nil {
		return
	}
	t.scanner.end()
	if len(t.calls) == 0 || strings.Contains(stored, "</think>") {
		s.closeReasoning()
		return
	}
	s.reply.hasCall, s.reply.calls = true, t.calls
	s.reply.eagerCalls = make([]*eagerCall, len(t.calls))
	s.hasDropped = s.hasDropped || t.hasDropped
}
