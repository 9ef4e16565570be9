package emulate

import (
	"strings"

	"achuan/internal/chat"
	"achuan/internal/lazyregexp"
)

// eagerCall is a call whose arguments are emitted while the model writes them.
type eagerCall struct {
	name string
	body jsonBody
	sent strings.Builder
}

// eagerCallStart matches the start of a call that can be emitted early: the name, and then
// arguments that are an object.
var eagerCallStart = lazyregexp.New(`^\{\s*"name"\s*:\s*"([A-Za-z0-9_-]{1,64})"\s*,\s*"arguments"\s*:\s*\{`)

// maxEagerStart limits how many bytes of a call's body are searched for its start.
const maxEagerStart = 512

// emitEager emits the new part of a call's body if that is enabled and possible. What was emitted
// cannot be repaired.
func (s *Shaper) emitEager(text string) {
	r := s.reply
	index := len(r.calls)
	if !s.plan.eagerCalls || s.repairs > 0 || s.plan.singleCall && index > 0 || r.tag != openTag || r.isList {
		return
	}
	e := r.eagerCalls[index]
	if e != nil {
		s.emitMore(e, index, text)
		return
	}
	head := r.body.String()
	if len(head)-len(text) > maxEagerStart {
		return
	}
	m := eagerCallStart().FindStringSubmatchIndex(head)
	if m == nil || !s.plan.allowsTool(head[m[2]:m[3]]) {
		return
	}
	e = &eagerCall{name: head[m[2]:m[3]]}
	r.eagerCalls[index] = e
	s.emit(chat.Event{Kind: chat.EventToolCall, Call: index, CallID: chat.CallID(s.seed, index), CallName: e.name})
	s.emitMore(e, index, head[m[1]-1:])
}

// emitMore emits the part of text that belongs to the arguments.
func (s *Shaper) emitMore(e *eagerCall, index int, text string) {
	end := 0
	for end < len(text) && !e.body.isComplete() {
		e.body.take(text[end])
		end++
	}
	if end > 0 {
		e.sent.WriteString(text[:end])
		s.emit(chat.Event{Kind: chat.EventToolCall, Call: index, Text: text[:end]})
	}
}

// hasSentCalls reports whether a part of a call was emitted early.
func (s *Shaper) hasSentCalls() bool {
	for _, e := range s.reply.eagerCalls {
		if e != nil {
			return true
		}
	}
	return false
}
