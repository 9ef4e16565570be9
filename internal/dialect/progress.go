package dialect

import "achuan/internal/chat"

// Progress knows which choices of an answer have ended, and their usage.
type Progress struct {
	isEnded       []bool // by choice
	remaining     int    // number of choices that have not ended
	hasStrayEvent bool   // an event had an unknown choice or came after the end of its choice
	usage         chat.Usage
}

// NewProgress returns the progress of an answer with that number of choices, at least one.
func NewProgress(choices int) Progress {
	choices = max(1, choices)
	return Progress{isEnded: make([]bool, choices), remaining: choices}
}

// Accept records ev and reports whether it belongs to the answer.
func (p *Progress) Accept(ev chat.Event) bool {
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

// Complete reports whether every choice has its EventDone and no choice has an event after
// it. Only then is the answer whole.
func (p *Progress) Complete() bool { return p.remaining == 0 && !p.hasStrayEvent }

// Usage returns the sum of the usage of all choices that have ended.
func (p *Progress) Usage() chat.Usage { return p.usage }

// ErrIncomplete replaces the end of an answer that is not complete, if the caller did not
// check: half an answer must never look like a whole one.
var ErrIncomplete = &chat.Error{
	Kind: chat.KindInternal, Code: chat.CodeInternal,
	Message: "Internal error: the answer is not whole.",
}

// Choices returns the number of choices.
func (p *Progress) Choices() int { return len(p.isEnded) }
