package emulate

import (
	"regexp"
	"strings"

	"achuan/internal/chat"
)

// eagerCall is a call whose arguments are passed on while the model writes them.
type eagerCall struct {
	name string
	body body
	sent strings.Builder
}

// eagerHead is how a call begins that can be passed on before it is whole: the
// name first, and arguments that are an object.
var eagerHead = regexp.MustCompile(`^\{\s*"name"\s*:\s*"([A-Za-z0-9_-]{1,64})"\s*,\s*"arguments"\s*:\s*\{`)

// maxHead bounds how much of a call's body is looked at for its head.
const maxHead = 512

// early passes on what has come of a call's body, if that is wanted and possible.
// What was passed on cannot be repaired.
func (s *Shaper) early(text string) {
	r := s.reply
	index := len(r.calls)
	if !s.plan.eager || s.asked > 0 || s.plan.one && index > 0 || r.tag != openTag || r.isList {
		return
	}
	e := r.eager[index]
	if e != nil {
		s.more(e, index, text)
		return
	}
	head := r.body.String()
	if len(head)-len(text) > maxHead {
		return
	}
	m := eagerHead.FindStringSubmatchIndex(head)
	if m == nil || !s.plan.allows(head[m[2]:m[3]]) {
		return
	}
	e = &eagerCall{name: head[m[2]:m[3]]}
	r.eager[index] = e
	s.pass(chat.Event{Kind: chat.EventToolCall, Call: index, CallID: chat.CallID(s.seed, index), CallName: e.name})
	s.more(e, index, head[m[1]-1:])
}

// more passes on the part of text that belongs to the arguments.
func (s *Shaper) more(e *eagerCall, index int, text string) {
	end := 0
	for end < len(text) && !e.body.complete() {
		e.body.take(text[end])
		end++
	}
	if end > 0 {
		e.sent.WriteString(text[:end])
		s.pass(chat.Event{Kind: chat.EventToolCall, Call: index, Text: text[:end]})
	}
}

// sentAny reports whether something of a call was passed on early.
func (s *Shaper) sentAny() bool {
	for _, e := range s.reply.eager {
		if e != nil {
			return true
		}
	}
	return false
}
