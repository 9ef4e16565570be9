package openai

import "achuan/internal/chat"

// progress knows which choices of an answer are under way and what they cost.
type progress struct {
	isEnded       []bool // by choice
	remaining     int    // choices that have not ended
	hasStrayEvent bool   // an event came for no choice or after its choice's end
	usage         chat.Usage
}

func newProgress(choices int) progress {
	choices = max(1, choices)
	return progress{isEnded: make([]bool, choices), remaining: choices}
}

// accept notes ev and reports whether it belongs into the answer.
func (p *progress) accept(ev chat.Event) bool {
	if ev.Kind == chat.EventPause {
		return false
	}
	if ev.Choice < 0 || ev.Choice >= len(p.isEnded) || p.isEnded[ev.Choice] {
		p.hasStrayEvent = true
		return false
	}
	if ev.Kind == chat.EventDone {
		p.isEnded[ev.Choice] = true
		p.remaining--
		p.usage = p.usage.Plus(ev.Usage)
	}
	return true
}

// Complete reports whether every choice has had its EventDone, and none anything
// after it: only then is the answer whole.
func (p *progress) Complete() bool { return p.remaining == 0 && !p.hasStrayEvent }

// Usage returns what the choices that have ended cost together.
func (p *progress) Usage() chat.Usage { return p.usage }

// errIncomplete is what a client gets in place of an end when the answer is not whole
// and the caller did not see it: half an answer must never look like a whole one.
var errIncomplete = &chat.Error{
	Kind: chat.KindInternal, Code: chat.CodeInternal,
	Message: "Internal error: the answer is not whole.",
}
