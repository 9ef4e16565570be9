package simulator

import (
	"strings"
	"time"
)

// performance makes one answer, step by step, apart from whoever reads it.
type performance struct {
	s     *Simulator
	t     *turn
	r     Reply
	steps []Step
	box   *outbox

	making  int    // index of the last step at which the model is still at work
	ended   bool   // the turn has
	said    []byte // by the model so far
	record  Record // once ended
	out     batch  // not published yet
	payload []byte // scratch
	timer   *time.Timer
	framing framing
	delay   time.Duration
}

// publishSize is how many bytes are gathered before they are sent on, when nothing
// waits.
const publishSize = 64 << 10

func (s *Simulator) newPerformance(t *turn, r Reply) *performance {
	p := &performance{
		s: s, t: t, r: r, steps: r.steps(), box: newOutbox(), making: -1,
		framing: framing{crlf: r.CRLF, tight: r.Tight}, delay: r.Delay,
	}
	if p.delay == 0 && !r.plain() {
		p.delay = s.opts.Pace
	}
	for i, st := range p.steps {
		if st.makes() {
			p.making = i
		}
	}
	return p
}

// waits reports whether the performance takes time.
func (p *performance) waits() bool {
	if p.delay > 0 || p.r.Gate != nil {
		return true
	}
	for _, st := range p.steps {
		if st.kind == stepPause || st.kind == stepWait || st.kind == stepHang || st.kind == stepFlood {
			return true
		}
	}
	return false
}

// run performs to the end, or until the simulator closes.
func (p *performance) run() {
	end := whole
	for i, st := range p.steps {
		if !p.step(st, i > p.making) {
			end = cutOff
			p.abandon()
			break
		}
	}
	p.finish()
	p.out.end = end
	p.publish()
}

// step performs one step; over says that the model is done by then. It reports
// false when the simulator has closed.
func (p *performance) step(st Step, over bool) bool {
	if st.framed() && !p.beat() {
		return false
	}
	if over {
		// Before the client can know that the answer is whole: its next question
		// may be here at once.
		p.finish()
	}
	switch st.kind {
	case stepHead:
		p.out.head = true
	case stepSay:
		return p.say(st.texts)
	case stepTorn:
		return p.sayTorn(st)
	case stepFlood:
		return p.flood(st)
	case stepFrame:
		p.send(append(p.payload[:0], strings.ReplaceAll(st.text, "$ID", p.t.TaskID)...))
	case stepRaw:
		p.out.bytes = append(p.out.bytes, st.text...)
		p.out.ends = append(p.out.ends, len(p.out.bytes))
	case stepError:
		p.send(appendError(p.payload[:0], p.t.TaskID, st.code, st.text))
	case stepObject:
		p.finish()
		p.sendRecord()
	case stepDone:
		p.send(append(p.payload[:0], donePayload...))
	case stepCut, stepReset:
		p.out.end = map[stepKind]ending{stepCut: cutOff, stepReset: resetOff}[st.kind]
		p.publish()
	default:
		return p.wait(st)
	}
	return true
}

func (p *performance) say(texts []string) bool {
	for _, text := range texts {
		if !p.beat() {
			return false
		}
		p.said = append(p.said, text...)
		p.send(appendDelta(p.payload[:0], p.t.TaskID, text))
	}
	return true
}

// sayTorn is say for pieces that no frame of whole characters can hold.
func (p *performance) sayTorn(st Step) bool {
	p.said = append(p.said, st.text...)
	for _, piece := range st.texts {
		if !p.beat() {
			return false
		}
		payload := appendFrameHead(p.payload[:0], p.t.TaskID, "string")
		payload = append(payload, piece...)
		p.send(append(payload, `,"code":0}`...))
	}
	return true
}

func (p *performance) sendRecord() {
	r := p.record
	if p.r.NoUsage {
		r = r.uncounted()
	}
	p.send(appendObject(p.payload[:0], p.t.TaskID, r))
}

// send frames a payload, whose memory is kept for the next one.
func (p *performance) send(payload []byte) {
	p.payload = payload
	p.out.bytes = p.framing.append(p.out.bytes, payload)
	p.out.ends = append(p.out.ends, len(p.out.bytes))
}

func (p *performance) publish() {
	p.box.put(p.out)
	p.out = batch{bytes: p.out.bytes[:0], ends: p.out.ends[:0]}
}

// finish ends the turn: what was said is its record.
func (p *performance) finish() {
	if p.ended {
		return
	}
	p.ended = true
	text := string(p.said)
	if p.r.AIText != nil {
		text = *p.r.AIText
	}
	r := p.s.newRecord(p.t, text)
	r.UserStop = p.r.UserStop
	if p.r.Usage != nil {
		r.count(*p.r.Usage)
	}
	p.record = p.s.end(p.t, r, p.stores())
}

// abandon ends a turn whose answer was never finished.
func (p *performance) abandon() {
	p.r.NoRecord = true
	p.finish()
}

// stores reports whether the answer leaves a record: a failure before any text
// leaves none.
func (p *performance) stores() bool {
	if p.r.NoRecord || p.r.Refused {
		return false
	}
	if len(p.said) > 0 || p.r.AIText != nil {
		return true
	}
	for _, st := range p.steps {
		if st.kind == stepObject {
			return true
		}
	}
	return false
}
