package gateway

import (
	"strings"

	"achuan/internal/chat"
)

// shaper makes one choice's answer what the client asked for: it ends at a stop
// sequence or at the token limit, and fills in usage that the platform did not
// give. Text that may be the start of a stop sequence is held back.
type shaper struct {
	request *chat.Request
	choice  int

	held   string // end of the text that may yet become a stop sequence
	left   int    // tokens that may still be passed on; only with a limit
	paused bool   // nothing was passed on since the last pause (or at all)
	answer strings.Builder
}

func newShaper(r *chat.Request, choice int) *shaper {
	s := &shaper{request: r, choice: choice, paused: true}
	if r.MaxTokens != nil {
		s.left = *r.MaxTokens
	}
	return s
}

// take passes an event on as none, one or several events. It returns false when
// yield did or when the answer is over.
func (s *shaper) take(ev chat.Event, yield func(chat.Event, error) bool) bool {
	switch ev.Kind {
	case chat.EventText:
		return s.text(ev.Text, yield)
	case chat.EventReasoning:
		return s.limited(chat.EventReasoning, ev.Text, yield)
	case chat.EventPause:
		if s.paused {
			return true
		}
		s.paused = true
		return yield(chat.Event{Kind: chat.EventPause, Choice: s.choice}, nil)
	default:
		return s.done(ev, yield)
	}
}

// text passes on what cannot be part of a stop sequence.
func (s *shaper) text(text string, yield func(chat.Event, error) bool) bool {
	if len(s.request.Stop) == 0 {
		return s.limited(chat.EventText, text, yield)
	}
	text = s.held + text
	if at := firstStop(text, s.request.Stop); at >= 0 {
		s.held = ""
		return s.limited(chat.EventText, text[:at], yield) && s.finish(chat.FinishStop, yield)
	}
	keep := stopStart(text, s.request.Stop)
	s.held = text[len(text)-keep:]
	return s.limited(chat.EventText, text[:len(text)-keep], yield)
}

// limited passes a piece on as far as the token limit goes.
func (s *shaper) limited(kind chat.EventKind, text string, yield func(chat.Event, error) bool) bool {
	if s.request.MaxTokens == nil {
		return s.pass(kind, text, yield)
	}
	kept, used := firstTokens(text, s.left)
	s.left -= used
	if !s.pass(kind, kept, yield) {
		return false
	}
	if len(kept) < len(text) {
		return s.finish(chat.FinishLength, yield)
	}
	return true
}

func (s *shaper) pass(kind chat.EventKind, text string, yield func(chat.Event, error) bool) bool {
	if text == "" {
		return true
	}
	s.paused = false
	s.answer.WriteString(text)
	return yield(chat.Event{Kind: kind, Choice: s.choice, Text: text}, nil)
}

// finish ends the answer before the platform does.
func (s *shaper) finish(why chat.FinishReason, yield func(chat.Event, error) bool) bool {
	yield(s.end(chat.Event{Kind: chat.EventDone, Finish: why, Usage: chat.Usage{Estimated: true}}), nil)
	return false
}

// done passes on the end, after what was held back.
func (s *shaper) done(ev chat.Event, yield func(chat.Event, error) bool) bool {
	held := s.held
	s.held = ""
	if held != "" && !s.limited(chat.EventText, held, yield) {
		return false
	}
	if ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	yield(s.end(ev), nil)
	return false
}

func (s *shaper) end(ev chat.Event) chat.Event {
	ev.Choice = s.choice
	if ev.Usage.Estimated {
		ev.Usage.PromptTokens = countPrompt(s.request)
		ev.Usage.CompletionTokens = countTokens(s.answer.String())
	}
	return ev
}

// firstStop returns where the stop sequence begins that is complete first, as a
// model that writes byte by byte would meet it, or -1.
func firstStop(text string, stops []string) int {
	begin, end := -1, len(text)+1
	for _, stop := range stops {
		at := strings.Index(text, stop)
		if at < 0 {
			continue
		}
		if e := at + len(stop); e < end || e == end && at < begin {
			begin, end = at, e
		}
	}
	return begin
}

// stopStart returns the length of the longest end of text that begins, but is not
// yet, a stop sequence.
func stopStart(text string, stops []string) int {
	longest := 0
	for _, stop := range stops {
		for n := min(len(stop)-1, len(text)); n > longest; n-- {
			if strings.HasSuffix(text, stop[:n]) {
				longest = n
				break
			}
		}
	}
	return longest
}
