package emulate

import (
	"crypto/rand"
	"strings"

	"achuan/internal/chat"
)

// Shaper makes what a model writes into the answer that was asked for: text as it
// comes, calls once they are known to be right, JSON once it is valid. What is not
// right it has repaired by the model. It is for one answer and one goroutine.
type Shaper struct {
	plan        *Plan
	seed        [16]byte // of the ids of the answer's calls
	repairs     int      // repairs so far
	hasSentText bool     // text was passed on
	// hasDropped says that the session holds text behind a call that the client does
	// not get, such as a result that the model made up.
	hasDropped bool
	reply      *reply
	emit       func(chat.Event) // of the call of Shape under way
}

// reply is what has come of one answer of the model, the first or a repaired one.
type reply struct {
	scanner    *scanner // nil where a call tag has no meaning
	unescaper  unescaper
	tag        string          // of the call under way
	body       strings.Builder // of the call under way
	calls      []rawCall
	hasCall    bool            // a call has begun: text is no longer passed on
	isList     bool            // a tag held a list, so that a call's index is not that of its tag
	held       strings.Builder // text that is not passed on yet
	object     objectStream    // in place of held, when a JSON object is streamed
	eagerCalls []*eagerCall    // by rawCall; nil entries are not sent yet

	reasoning reasoning
}

// Shaper returns a shaper for one answer to the plan's request.
func (p *Plan) Shaper() *Shaper {
	s := &Shaper{plan: p}
	rand.Read(s.seed[:]) // never fails
	s.beginReply()
	return s
}

// SetCallSeed sets what the ids of the answer's calls are made from, before Shape is
// first called: the same answer shaped again with the same seed has the same ids.
// Without it, the seed is random.
func (s *Shaper) SetCallSeed(seed [16]byte) { s.seed = seed }

// SetPlan sets the plan, before Shape is first called.
func (s *Shaper) SetPlan(p *Plan) {
	s.plan = p
	s.beginReply()
}

// beginReply gets ready for an answer of the model.
func (s *Shaper) beginReply() {
	s.reply = &reply{}
	if s.plan.hasTools {
		s.reply.scanner = newScanner(s.takePiece)
	}
}

// Shape takes the next event of the model's answer and passes on what the client
// gets of it. At EventDone it passes that on, or returns what to ask the model
// again, or fails with a *chat.Error. A call is passed on as one event, or, with
// eager calls, in pieces; usage is that of the events.
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
	return "", nil
}

// takePiece takes what the scanner finds.
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
		s.emitEager(p.text)
	case pieceClose:
		r.calls = append(r.calls, rawCall{tag: r.tag, body: r.body.String(), isEnded: p.isEnded})
		r.body.Reset()
	}
}

// rawCall is a call, or several in one tag, as it stands in an answer.
type rawCall struct {
	tag     string // its opening tag
	body    string
	isEnded bool // the model ended it, with the closing tag or with the next call
}

// openingTag returns the tag that the opening of a call begins with.
func openingTag(opening string) string { return opening[:strings.IndexByte(opening, '>')+1] }

// endsInCall reports whether the answer ended inside its last call.
func (r *reply) endsInCall() bool { return len(r.calls) > 0 && !r.calls[len(r.calls)-1].isEnded }

// isBlank reports whether text is nothing but white space.
func isBlank(text string) bool { return strings.Trim(text, " \n\r\t") == "" }

// takeText takes text that is no call. Under a format and in repaired answers it is
// held; so is white space in front of everything, which may come before a call.
// Text before a call that must be made is dropped: strict clients refuse it.
func (s *Shaper) takeText(text string) {
	r := s.reply
	switch {
	case s.plan.requiresCall():
	case s.streamsObject():
		r.object.take(text, s.emitText)
	case s.plan.requiresJSON() || s.repairs > 0:
		r.held.WriteString(text)
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

// streamsObject reports whether a JSON object is passed on while it is made. One with
// a schema is not, because it may have to be asked for again.
func (s *Shaper) streamsObject() bool {
	return s.plan.format.Kind == chat.FormatObject && s.plan.format.Schema == nil && s.plan.isStreamed
}

// emitText passes text on.
func (s *Shaper) emitText(text string) {
	if text != "" {
		s.hasSentText = true
		s.emit(chat.Event{Kind: chat.EventText, Text: text})
	}
}

// askAgain asks the model to repair its answer, or fails when it has been asked often
// enough, or when something of what is wrong has been passed on already.
func (s *Shaper) askAgain(
	hasEmitted bool, newError func(isRepaired bool, violations []string) *chat.Error, violations []string, instructions string,
) (repair string, err error) {
	if hasEmitted || s.repairs >= MaxRepairs {
		return "", newError(s.repairs > 0, violations)
	}
	s.repairs++
	s.beginReply()
	return RepairIntro + "\n\n- " + strings.Join(violations, "\n- ") + "\n\n" + instructions, nil
}

// RepairIntro is how every text begins that asks a model to repair its answer.
const RepairIntro = "Your last answer cannot be used:"
