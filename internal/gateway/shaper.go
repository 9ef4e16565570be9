package gateway

import (
	"strings"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/emulate"
)

// shaper turns the platform's events for one choice into those that the client gets. Package
// emulate turns text into tool calls and structured output; shaper then ends the answer at a
// stop sequence or at the token limit, and estimates the usage that the platform does not
// report. It holds back text that may be the start of a stop sequence. It implements
// conversation.Shaper.
type shaper struct {
	request  *chat.Request
	plan     *emulate.Plan
	emulated *emulate.Shaper // nil when the answer is plain text
	pictures *pictureShaper  // nil when the model does not draw

	platformText  strings.Builder // the text of the current platform answer, to estimate its usage
	reasoning     strings.Builder // the reasoning in it
	repairedUsage chat.Usage      // usage of the turn's earlier answers, which had to be repaired

	emit        func(chat.Event) // the argument of the current call of Shape
	heldText    string           // the end of the text, if it may become a stop sequence
	tokensLeft  int              // tokens that may still be emitted; only with a limit
	isPaused    bool             // nothing was emitted yet, or since the last pause
	isOver      bool             // the end was emitted
	emittedText strings.Builder  // the text so far, if the answer may end early
}

func newShaper(r *chat.Request, plan *emulate.Plan) *shaper {
	s := &shaper{request: r, plan: plan, isPaused: true}
	if plan.NeedsShaper() {
		s.emulate()
	}
	if r.MaxTokens != nil {
		s.tokensLeft = *r.MaxTokens
	}
	return s
}

// emulate makes the answer one with tool calls or structured output.
func (s *shaper) emulate() {
	s.emulated = s.plan.Shaper()
	s.emulated.SetMemory(s.request.TakeMemory)
}

// SetCallSeed implements conversation.CallSeeder.
func (s *shaper) SetCallSeed(seed [16]byte, check func(id, name, arguments string) string) {
	if s.emulated != nil {
		s.emulated.SetCallSeed(seed, check)
	}
}

// SessionHadTools implements conversation.ToolReader.
func (s *shaper) SessionHadTools() {
	if s.plan.HasTools() {
		return
	}
	s.plan = s.plan.WithSessionTools()
	if s.emulated == nil {
		s.emulate()
	}
	s.emulated.SetPlan(s.plan)
}

// Shape implements conversation.Shaper.
func (s *shaper) Shape(ev chat.Event, emit func(chat.Event)) (repair string, err error) {
	if s.isOver {
		return "", nil
	}
	s.emit = emit
	switch ev.Kind {
	case chat.EventText, chat.EventReasoning:
		s.platformText.WriteString(ev.Text)
		if ev.Kind == chat.EventReasoning {
			s.reasoning.WriteString(ev.Text)
		}
	case chat.EventPause:
		s.pause()
		return "", nil
	case chat.EventDone:
		s.estimateUsage(&ev)
	}
	if s.emulated == nil {
		if ev.Kind == chat.EventDone && s.plan.LimitReached(ev.Usage) {
			ev.Finish = chat.FinishLength
		}
		s.applyLimits(ev)
		return "", nil
	}
	if repair, err = s.emulated.Shape(ev, s.applyLimits); repair == "" {
		return "", err
	}
	s.repairedUsage = s.repairedUsage.Plus(ev.Usage)
	s.platformText.Reset()
	s.reasoning.Reset()
	if s.isOver { // a limit ended the answer while emulate validated it
		return "", nil
	}
	return repair, err
}

// estimateUsage sets the usage of an answer if the platform reported none. The tokens of its reasoning
// are always an estimate, because the platform does not tell them apart.
func (s *shaper) estimateUsage(ev *chat.Event) {
	defer func() {
		ev.Usage.ReasoningTokens = min(estimateTokens(s.reasoning.String()), ev.Usage.CompletionTokens)
	}()
	if ev.Usage.Estimated {
		ev.Usage.PromptTokens = s.estimatePrompt()
		ev.Usage.CompletionTokens = estimateTokens(s.platformText.String())
	}
}

func (s *shaper) pause() {
	if !s.isPaused {
		s.isPaused = true
		s.emit(chat.Event{Kind: chat.EventPause})
	}
}

// applyLimits emits an event as none, one or several events.
func (s *shaper) applyLimits(ev chat.Event) {
	if s.isOver {
		return
	}
	switch ev.Kind {
	case chat.EventText:
		s.addText(ev.Text)
	case chat.EventDone:
		s.finish(ev)
	default:
		s.emitHeldText()
		s.emitWithinLimit(ev)
	}
}

// addText emits the text that cannot be part of a stop sequence, and holds back the rest.
func (s *shaper) addText(text string) {
	if len(s.request.Stop) == 0 {
		s.emitText(text)
		return
	}
	text = s.heldText + text
	if at, stop := firstStop(text, s.request.Stop); at >= 0 {
		s.heldText = ""
		s.emitText(text[:at])
		s.endEarly(chat.Event{Finish: chat.FinishStop, StopSequence: stop})
		return
	}
	keep := partialStopLength(text, s.request.Stop)
	s.heldText = text[len(text)-keep:]
	s.emitText(text[:len(text)-keep])
}

func (s *shaper) emitText(text string) {
	s.emitWithinLimit(chat.Event{Kind: chat.EventText, Text: text})
}

// emitHeldText emits the text that was held back. The next event is not text.
func (s *shaper) emitHeldText() {
	held := s.heldText
	s.heldText = ""
	s.emitText(held)
}

// emitWithinLimit emits a piece up to the token limit. It emits a tool call whole or not at
// all.
func (s *shaper) emitWithinLimit(ev chat.Event) {
	if s.isOver || ev.Text == "" && ev.Kind != chat.EventToolCall {
		return
	}
	if s.request.MaxTokens == nil {
		s.emitPiece(ev)
		return
	}
	kept, used := firstTokens(ev.Text, s.tokensLeft)
	s.tokensLeft -= used
	if len(kept) == len(ev.Text) {
		s.emitPiece(ev)
		return
	}
	if ev.Kind != chat.EventToolCall && kept != "" {
		ev.Text = kept
		s.emitPiece(ev)
	}
	s.endEarly(chat.Event{Finish: chat.FinishLength})
}

// emitPiece emits a piece, and a tool call as fragments.
func (s *shaper) emitPiece(ev chat.Event) {
	if s.request.MaxTokens != nil || len(s.request.Stop) > 0 {
		s.emittedText.WriteString(ev.Text)
	}
	switch {
	case ev.Kind == chat.EventText && s.pictures != nil:
		s.pictures.add(ev, s.pass)
		return
	case ev.Kind != chat.EventToolCall:
		s.pass(ev)
		return
	}
	for piece := range callFragments(ev) {
		s.pass(piece)
	}
}

// pass emits a piece as it is.
func (s *shaper) pass(ev chat.Event) {
	s.isPaused = false
	s.emit(ev)
}

// endEarly ends the answer before the platform does. end says why.
func (s *shaper) endEarly(end chat.Event) {
	if s.isOver {
		return
	}
	s.isOver = true
	s.pictures.end(s.pass)
	usage := chat.Usage{
		PromptTokens: s.estimatePrompt(), CompletionTokens: estimateTokens(s.emittedText.String()), Estimated: true,
	}
	end.Kind, end.Usage, end.Cut = chat.EventDone, s.repairedUsage.Plus(usage), true
	s.emit(end)
}

// finish emits the held text and the end.
func (s *shaper) finish(ev chat.Event) {
	s.emitHeldText()
	if s.isOver {
		return
	}
	if ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	ev.Usage = s.repairedUsage.Plus(ev.Usage)
	s.isOver = true
	s.pictures.end(s.pass)
	ev.Cut = ev.Cut || s.pictures.hasDropped()
	s.emit(ev)
}

// callFragments yields a call as OpenAI streams it: first its id and name, then its arguments
// in at most 256 pieces, cut on rune borders.
func callFragments(ev chat.Event) func(yield func(chat.Event) bool) {
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

// partialStopLength returns the length of the longest end of text that is the beginning of a
// stop sequence, but not all of it.
func partialStopLength(text string, stops []string) int {
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
