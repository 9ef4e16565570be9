package emulate

import (
	"fmt"
	"strings"

	"achuan/internal/chat"
)

// endReply checks the model's reply at its end.
func (s *Shaper) endReply(ev chat.Event) (string, error) {
	r := s.reply
	s.endReasoning(ev.Stored)
	if r.scanner != nil {
		r.scanner.end()
		if !r.hasCall {
			s.takeText(r.unescaper.flush())
		}
	}
	if s.plan.LimitReached(ev.Usage) {
		ev.Finish = chat.FinishLength
	}
	switch {
	case len(r.calls) > 0 || s.plan.requiresCall():
		return s.endCalls(ev)
	case s.plan.requiresJSON():
		return s.endFormat(ev)
	}
	s.emitHeld()
	s.emitDone(ev)
	return "", nil
}

// emitDone emits the end of the client's answer. The answer counts as cut if the session has text
// after a call that the client does not get.
func (s *Shaper) emitDone(ev chat.Event) {
	ev.Cut = ev.Cut || s.hasDropped
	s.emit(ev)
}

// emitHeld emits the held text as the answer. It is also the answer of a repaired reply without
// calls.
func (s *Shaper) emitHeld() {
	text := s.reply.held.String()
	if s.repairs > 0 && s.hasSentText && strings.TrimSpace(text) != "" {
		text = "\n\n" + text
	}
	s.emitText(text)
}

// endCalls checks a reply with calls, or one that should have calls.
func (s *Shaper) endCalls(ev chat.Event) (string, error) {
	calls, violations := s.readCalls()
	switch {
	case len(violations) > 0 && s.isTruncated(ev, s.reply.endsInCall() || len(calls) == 0):
		ev.Cut = true // the client gets neither the calls nor text in their place
		return s.endTruncated(ev)
	case len(violations) > 0:
		return s.askAgain(s.hasSentCalls(), &invalidCalls, violations, s.repairInstructions())
	}
	for i, c := range calls {
		if c.isSent {
			continue
		}
		s.emit(chat.Event{
			Kind: chat.EventToolCall, Call: i, CallID: s.callID(i, c.name, c.arguments), CallName: c.name,
			Text: c.arguments,
		})
	}
	if ev.Finish != chat.FinishLength {
		ev.Finish = chat.FinishTools
	}
	s.emitDone(ev)
	return "", nil
}

// isTruncated reports whether the token limit ended the reply. If the reply stops early, an
// estimated count is enough.
func (s *Shaper) isTruncated(ev chat.Event, stopsEarly bool) bool {
	return ev.Finish == chat.FinishLength || stopsEarly && s.plan.atLimit(ev.Usage)
}

// endTruncated ends a reply that the token limit truncated. A repair would be truncated again.
func (s *Shaper) endTruncated(ev chat.Event) (string, error) {
	s.emitTruncated()
	ev.Finish = chat.FinishLength
	s.emitDone(ev)
	return "", nil
}

// readCalls returns the calls of the reply and all their violations.
func (s *Shaper) readCalls() (calls []call, violations []string) {
	if len(s.reply.calls) == 0 {
		return nil, []string{"a function must be called: " + s.plan.choiceText()}
	}
	for i, raw := range s.reply.calls {
		for _, c := range s.plan.readCalls(raw) {
			e := s.reply.eagerCalls[i]
			c.isSent = e != nil
			if c.isSent && len(c.violations) == 0 && (e.name != c.name || e.sent.String() != c.arguments) {
				c.violations = []string{e.name + ": the call was sent before it could be repaired"}
			}
			calls = append(calls, c)
		}
	}
	if s.plan.singleCall && len(calls) > 1 {
		violations = append(violations, fmt.Sprintf("%d calls were made at once, but one is allowed at a time", len(calls)))
	}
	for i, c := range calls {
		for _, v := range c.violations {
			if len(calls) > 1 {
				v = fmt.Sprintf("call %d: %s", i+1, v)
			}
			violations = append(violations, v)
		}
	}
	const maxCallViolations = 2 * maxViolations
	return calls, violations[:min(len(violations), maxCallViolations)]
}

// repairInstructions tells the model what a repaired answer must be.
func (s *Shaper) repairInstructions() string {
	if s.plan.choice.Mode == chat.ToolsNone || len(s.plan.tools) == 0 {
		return "Answer again, with text and without calls."
	}
	instructions := "No function was called. Write every call that you want to make again, corrected and in the required form, " +
		"and write nothing else."
	if !s.plan.requiresCall() {
		instructions += " If you did not want to call a function, write your answer again, with &lt; for the < of each tag."
	}
	return instructions
}

// invalidAnswer describes the error of an answer that stays invalid in one way.
type invalidAnswer struct {
	err         chat.Error // its message is the beginning of the message
	notRepaired string     // the next words, if the model was asked for a repair
}

var (
	invalidCalls = invalidAnswer{
		chat.Error{
			Kind: chat.KindUnprocessable, Code: chat.CodeInvalidToolCall, EndSeen: true,
			Message: "The model called tools wrongly",
		},
		" and did not repair it when it was asked to",
	}
	invalidOutput = invalidAnswer{
		chat.Error{
			Kind: chat.KindUnprocessable, Code: chat.CodeInvalidModelOutput, EndSeen: true,
			Message: "The model's answer does not have the format that was asked for",
		},
		", and it did not repair it when it was asked to",
	}
)

// error returns the error of an answer that stays invalid. isRepaired says that the model was asked
// for a repair, which is impossible after a part of the answer was emitted.
func (a *invalidAnswer) error(isRepaired bool, violations []string) *chat.Error {
	e := a.err
	if isRepaired {
		e.Message += a.notRepaired
	}
	e.Message += ": " + strings.Join(violations, "; ") + "."
	return &e
}
