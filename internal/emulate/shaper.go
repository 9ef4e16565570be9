package emulate

import (
	"crypto/rand"
	"strings"

	"achuan/internal/chat"
)

// Shaper turns what a model writes into the requested answer. It emits text as it comes, calls
// when they are known to be correct, and JSON when it is valid. It asks the model to repair the
// rest. It is for one answer and one goroutine.
type Shaper struct {
	plan        *Plan
	seed        [16]byte // of the call ids
	check       func(id, name, arguments string) string
	repairs     int  // that were asked for
	hasSentText bool // the client has got text
	// hasDropped says that the session has text after a call that the client does not get, such as
	// a result that the model invented.
	hasDropped bool
	memory     chat.MemoryCount
	reply      *reply
	emit       func(chat.Event) // of the current call of Shape
}

// reply is the state of one reply of the model, the first or a repaired one.
type reply struct {
	scanner    *scanner // nil if call tags are text
	unescaper  unescaper
	tag        string          // of the call under way
	body       strings.Builder // of the call under way
	calls      []rawCall
	hasCall    bool            // a call has begun, so later text is dropped
	isList     bool            // a tag has a list, so a call's index is not that of its tag
	held       strings.Builder // text that is not emitted yet
	object     objectStream    // replaces held when a JSON object is streamed
	eagerCalls []*eagerCall    // by index in calls; nil if nothing was emitted
	keptBytes  int             // of calls and of JSON, which are kept to check them

	reasoning reasoning
}

// Shaper returns a shaper for one answer to the plan's request.
func (p *Plan) Shaper() *Shaper {
	s := &Shaper{plan: p}
	rand.Read(s.seed[:]) // never fails
	s.beginReply()
	return s
}

// SetCallSeed sets the seed of the call ids, before the first call of Shape. The same answer with
// the same seed has the same ids. Without it, the seed is random. check adds a check over name and arguments to
// an id; it may be nil. A call that is streamed before its arguments are known has no check.
func (s *Shaper) SetCallSeed(seed [16]byte, check func(id, name, arguments string) string) {
	s.seed, s.check = seed, check
}

// callID returns the id of a whole call.
func (s *Shaper) callID(index int, name, arguments string) string {
	id := chat.CallID(s.seed, index)
	if s.check != nil {
		id = s.check(id, name, arguments)
	}
	return id
}

// SetMemory sets the function that takes the memory for calls and JSON, before the first call of
// Shape: see chat.Request.TakeMemory.
func (s *Shaper) SetMemory(take func(bytes int64) error) { s.memory.Take = take }

// SetPlan replaces the plan, before the first call of Shape.
func (s *Shaper) SetPlan(p *Plan) {
	s.plan = p
	s.beginReply()
}

// beginReply prepares for a reply of the model.
func (s *Shaper) beginReply() {
	s.reply = &reply{}
	if s.plan.hasTools {
		s.reply.scanner = newScanner(s.takePiece)
	}
}

// Shape takes the next event of the model's reply and emits what the client gets. At EventDone it
// emits that event, or returns the text that asks the model for a repair, or fails with a
// *chat.Error. It also fails at once when calls or JSON are too long to be checked. A call is one
// event or, with eager calls, several. Usage is that of the events.
func (s *Shaper) Shape(ev chat.Event, emit func(chat.Event)) (repair string, err error) {
	s.emit = emit
	switch ev.Kind {
	case chat.EventText:
		if ev.Text != "" {
			s.closeReasoning()
		}
		if s.reply.scanner == nil {
			s.takeText(ev.Text)
		} else {
			s.reply.scanner.feed(ev.Text)
		}
	case chat.EventReasoning:
		s.takeReasoning(ev.Text)
	case chat.EventDone:
		return s.endReply(ev)
	default:
		emit(ev)
	}
	return "", s.checkKept(ev.Text)
}

// takePiece takes a piece that the scanner found.
func (s *Shaper) takePiece(p piece) {
	r := s.reply
	switch p.kind {
	case pieceText:
		if r.hasCall {
			s.hasDropped = s.hasDropped || !isBlank(p.text)
			return
		}
		s.takeText(r.unescaper.take(p.text))
	case pieceOpen:
		if !r.hasCall {
			s.takeText(r.unescaper.flush())
		}
		r.hasCall, r.tag = true, openingTag(p.text)
		r.eagerCalls = append(r.eagerCalls, nil)
	case pieceBody:
		r.isList = r.isList || r.body.Len() == 0 && p.text[0] == '['
		r.body.WriteString(p.text)
		r.keptBytes += len(p.text)
		s.emitEager(p.text)
	case pieceClose:
		r.calls = append(r.calls, rawCall{tag: r.tag, body: r.body.String(), isEnded: p.isEnded})
		r.body.Reset()
	}
}

// rawCall is the text of a call, or of several calls in one tag.
type rawCall struct {
	tag     string // opening tag
	body    string
	isEnded bool // a closing tag or the next call ended it
}

// openingTag returns the tag at the start of the opening of a call.
func openingTag(opening string) string { return opening[:strings.IndexByte(opening, '>')+1] }

// endsInCall reports whether the reply ended inside its last call.
func (r *reply) endsInCall() bool { return len(r.calls) > 0 && !r.calls[len(r.calls)-1].isEnded }

// isBlank reports whether text has only white space.
func isBlank(text string) bool { return strings.Trim(text, " \n\r\t") == "" }

// takeText takes text outside of calls. It holds text under a format and in repaired replies, and
// white space at the start, which may come before a call. It drops text before a call that must be
// made, because strict clients refuse it.
func (s *Shaper) takeText(text string) {
	r := s.reply
	switch {
	case s.plan.requiresCall():
	case s.streamsObject():
		r.object.take(text, s.emitText)
		r.keptBytes += len(text)
	case s.plan.requiresJSON() || s.repairs > 0:
		r.held.WriteString(text)
		r.keptBytes += len(text)
	case s.hasSentText:
		s.emitText(text)
	default:
		r.held.WriteString(text)
		if !isBlank(text) {
			s.emitText(r.held.String())
			r.held.Reset()
		}
	}
}

// streamsObject reports whether a JSON object is emitted while the model writes it. An object with
// a schema is not, because it may need a repair.
func (s *Shaper) streamsObject() bool {
	return s.plan.format.Kind == chat.FormatObject && s.plan.format.Schema == nil && s.plan.isStreamed
}

// emitText emits text, unless it is empty.
func (s *Shaper) emitText(text string) {
	if text != "" {
		s.hasSentText = true
		s.emit(chat.Event{Kind: chat.EventText, Text: text})
	}
}

// askAgain returns the text that asks the model for a repair. It fails after MaxRepairs repairs,
// and if a part of the invalid answer has been emitted.
func (s *Shaper) askAgain(
	hasEmitted bool, reason *invalidAnswer, violations []string, instructions string,
) (repair string, err error) {
	if hasEmitted || s.repairs >= MaxRepairs {
		return "", reason.error(s.repairs > 0, violations)
	}
	s.repairs++
	s.beginReply()
	return RepairIntro + "\n\n- " + strings.Join(violations, "\n- ") + "\n\n" + instructions, nil
}

// RepairIntro is the beginning of every text that asks the model for a repair.
const RepairIntro = "Your last answer cannot be used:"
