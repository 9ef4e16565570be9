package gateway

import (
	"strings"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/emulate"
)

// shaper makes one choice's answer what the client asked for. What emulate makes
// of the platform's text ends here at a stop sequence or at the token limit, and
// gets the usage that the platform did not give. Text that may be the start of a
// stop sequence is held back. It is a conversation.Shaper.
type shaper struct {
	request *chat.Request
	plan    *emulate.Plan
	form    *emulate.Shaper // nil when the answer is plain text

	raw   strings.Builder // the platform's answer under way, when no usage may come
	spent chat.Usage      // of the turn's earlier answers, which had to be repaired

	pass   func(chat.Event) // of the call of Shape under way
	held   string           // end of the text that may yet become a stop sequence
	left   int              // tokens that may still be passed on; only with a limit
	paused bool             // nothing was passed on since the last pause (or at all)
	over   bool             // the end was passed on
	answer strings.Builder  // what was passed on, when it may have to be cut
}

func newShaper(r *chat.Request, plan *emulate.Plan) *shaper {
	s := &shaper{request: r, plan: plan, paused: true}
	if plan.NeedsShaper() {
		s.form = plan.Shaper()
	}
	if r.MaxTokens != nil {
		s.left = *r.MaxTokens
	}
	return s
}

// SetCallSeed is as conversation.CallSeeder has it.
func (s *shaper) SetCallSeed(seed [16]byte) {
	if s.form != nil {
		s.form.SetCallSeed(seed)
	}
}

// SessionHadTools is as conversation.ToolReader has it.
func (s *shaper) SessionHadTools() {
	if s.plan.HasTools() {
		return
	}
	s.plan = s.plan.WithSessionTools()
	if s.form == nil {
		s.form = s.plan.Shaper()
	}
	s.form.SetPlan(s.plan)
}

// Shape is as conversation.Shaper has it.
func (s *shaper) Shape(ev chat.Event, pass func(chat.Event)) (repair string, err error) {
	if s.over {
		return "", nil
	}
	s.pass = pass
	switch ev.Kind {
	case chat.EventText, chat.EventReasoning:
		s.raw.WriteString(ev.Text)
	case chat.EventPause:
		s.pause()
		return "", nil
	case chat.EventDone:
		s.measure(&ev)
	}
	if s.form == nil {
		if ev.Kind == chat.EventDone && s.plan.LimitReached(ev.Usage) {
			ev.Finish = chat.FinishLength
		}
		s.take(ev)
		return "", nil
	}
	if repair, err = s.form.Shape(ev, s.take); repair == "" {
		return "", err
	}
	s.spent = s.spent.Plus(ev.Usage)
	s.raw.Reset()
	if s.over { // it was cut for the client while it was judged
		return "", nil
	}
	return repair, err
}

// measure sets the usage of one answer where the platform gave none.
func (s *shaper) measure(ev *chat.Event) {
	if ev.Usage.Estimated {
		ev.Usage.PromptTokens = s.estimatePrompt()
		ev.Usage.CompletionTokens = estimateTokens(s.raw.String())
	}
}

func (s *shaper) pause() {
	if !s.paused {
		s.paused = true
		s.pass(chat.Event{Kind: chat.EventPause})
	}
}

// take passes an event on as none, one or several events.
func (s *shaper) take(ev chat.Event) {
	if s.over {
		return
	}
	switch ev.Kind {
	case chat.EventText:
		s.text(ev.Text)
	case chat.EventDone:
		s.done(ev)
	default:
		s.release()
		s.limited(ev)
	}
}

// text passes on what cannot be part of a stop sequence.
func (s *shaper) text(text string) {
	if len(s.request.Stop) == 0 {
		s.say(text)
		return
	}
	text = s.held + text
	if at, stop := firstStop(text, s.request.Stop); at >= 0 {
		s.held = ""
		s.say(text[:at])
		s.cut(chat.Event{Finish: chat.FinishStop, StopSequence: stop})
		return
	}
	keep := stopStart(text, s.request.Stop)
	s.held = text[len(text)-keep:]
	s.say(text[:len(text)-keep])
}

func (s *shaper) say(text string) { s.limited(chat.Event{Kind: chat.EventText, Text: text}) }

// release passes on what was held back: what comes next is no text.
func (s *shaper) release() {
	held := s.held
	s.held = ""
	s.say(held)
}

// limited passes a piece on as far as the token limit goes. A call is passed on
// whole or not at all.
func (s *shaper) limited(ev chat.Event) {
	if s.over || ev.Text == "" && ev.Kind != chat.EventToolCall {
		return
	}
	if s.request.MaxTokens == nil {
		s.send(ev)
		return
	}
	kept, used := firstTokens(ev.Text, s.left)
	s.left -= used
	if len(kept) == len(ev.Text) {
		s.send(ev)
		return
	}
	if ev.Kind != chat.EventToolCall && kept != "" {
		ev.Text = kept
		s.send(ev)
	}
	s.cut(chat.Event{Finish: chat.FinishLength})
}

// send passes a piece on.
func (s *shaper) send(ev chat.Event) {
	s.paused = false
	if s.request.MaxTokens != nil || len(s.request.Stop) > 0 {
		s.answer.WriteString(ev.Text)
	}
	if ev.Kind != chat.EventToolCall {
		s.pass(ev)
		return
	}
	for piece := range fragments(ev) {
		s.pass(piece)
	}
}

// cut ends the answer before the platform does. end says why.
func (s *shaper) cut(end chat.Event) {
	if s.over {
		return
	}
	s.over = true
	usage := chat.Usage{PromptTokens: s.estimatePrompt(), CompletionTokens: estimateTokens(s.answer.String()), Estimated: true}
	end.Kind, end.Usage, end.Cut = chat.EventDone, s.spent.Plus(usage), true
	s.pass(end)
}

// done passes on the end, after what was held back.
func (s *shaper) done(ev chat.Event) {
	s.release()
	if s.over {
		return
	}
	if ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	ev.Usage = s.spent.Plus(ev.Usage)
	s.over = true
	s.pass(ev)
}

// fragments yields a call as clients know it from OpenAI: id and name first, then
// the arguments in pieces, at most 256 of them.
func fragments(ev chat.Event) func(yield func(chat.Event) bool) {
	return func(yield func(chat.Event) bool) {
		text := ev.Text
		size := max(48, len(text)/256+1)
		if ev.CallID != "" {
			ev.Text = ""
			if !yield(ev) {
				return
			}
			ev.CallID, ev.CallName = "", ""
		}
		for text != "" {
			n := min(size, len(text))
			for n < len(text) && !utf8.RuneStart(text[n]) {
				n++
			}
			ev.Text, text = text[:n], text[n:]
			if !yield(ev) {
				return
			}
		}
	}
}

// firstStop returns the stop sequence that is complete first, as a model that writes byte
// by byte would meet it, and the index at which it begins: -1 if text contains none.
func firstStop(text string, stops []string) (begin int, first string) {
	begin = -1
	end := len(text) + 1
	for _, stop := range stops {
		at := strings.Index(text, stop)
		if at < 0 {
			continue
		}
		if e := at + len(stop); e < end || e == end && at < begin {
			begin, end, first = at, e, stop
		}
	}
	return begin, first
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
