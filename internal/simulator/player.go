package simulator

import (
	"strings"
	"time"
)

// player makes one answer, step by step. It does not depend on the connection of the client.
type player struct {
	sim   *Simulator
	turn  *turn
	reply Reply
	steps []Step
	queue *sendQueue

	lastModelStep int    // index of the last step during which the model works; -1 for none
	hasEnded      bool   // endTurn was called
	text          []byte // of the model so far
	record        Record // valid when hasEnded
	pending       batch  // not flushed yet
	payload       []byte // reused memory
	timer         *time.Timer
	frameStyle    frameStyle
	delay         time.Duration
}

// flushSize is the number of pending bytes that are flushed even when no step takes time.
const flushSize = 64 << 10

func (s *Simulator) newPlayer(t *turn, r Reply) *player {
	p := &player{
		sim: s, turn: t, reply: r, steps: r.steps(), queue: newSendQueue(), lastModelStep: -1,
		frameStyle: frameStyle{crlf: r.CRLF, noSpace: r.Tight}, delay: r.Delay,
	}
	if p.delay == 0 && !r.isPlain() {
		p.delay = s.opts.Pace
	}
	for i, st := range p.steps {
		if st.isModelWork() {
			p.lastModelStep = i
		}
	}
	return p
}

// takesTime reports whether the answer takes time.
func (p *player) takesTime() bool {
	if p.delay > 0 || p.reply.Gate != nil {
		return true
	}
	for _, st := range p.steps {
		if st.kind == stepPause || st.kind == stepWait || st.kind == stepHang || st.kind == stepFlood {
			return true
		}
	}
	return false
}

// play plays all steps, unless the simulator closes before.
func (p *player) play() {
	end := endComplete
	for i, st := range p.steps {
		if !p.playStep(st, i > p.lastModelStep) {
			end = endCut
			p.abandon()
			break
		}
	}
	p.endTurn()
	p.pending.end = end
	p.flush()
}

// playStep plays one step. isModelDone says that the model does not work anymore. It reports false when the simulator
// has closed.
func (p *player) playStep(st Step, isModelDone bool) bool {
	if st.isFrame() && !p.waitForFrame() {
		return false
	}
	if isModelDone {
		// The turn ends before the client has the whole answer, because its next question may come at once.
		p.endTurn()
	}
	switch st.kind {
	case stepHead:
		p.pending.withHeaders = true
	case stepDeltas:
		return p.playDeltas(st.texts)
	case stepSplitText:
		return p.playSplitText(st)
	case stepFlood:
		return p.playFlood(st)
	case stepFrame:
		p.appendFrame(append(p.payload[:0], strings.ReplaceAll(st.text, "$ID", p.turn.TaskID)...))
	case stepRaw:
		p.pending.bytes = append(p.pending.bytes, st.text...)
		p.pending.frameEnds = append(p.pending.frameEnds, len(p.pending.bytes))
	case stepError:
		p.appendFrame(appendError(p.payload[:0], p.turn.TaskID, st.code, st.text))
	case stepObject:
		p.endTurn()
		p.appendRecord()
	case stepDone:
		p.appendFrame(append(p.payload[:0], donePayload...))
	case stepCut, stepReset:
		p.pending.end = map[stepKind]ending{stepCut: endCut, stepReset: endReset}[st.kind]
		p.flush()
	default:
		return p.playWait(st)
	}
	return true
}

func (p *player) playDeltas(texts []string) bool {
	for _, text := range texts {
		if !p.waitForFrame() {
			return false
		}
		p.text = append(p.text, text...)
		p.appendFrame(appendDelta(p.payload[:0], p.turn.TaskID, text))
	}
	return true
}

// playSplitText is playDeltas for pieces that are not whole characters.
func (p *player) playSplitText(st Step) bool {
	p.text = append(p.text, st.text...)
	for _, piece := range st.texts {
		if !p.waitForFrame() {
			return false
		}
		payload := appendFrameStart(p.payload[:0], p.turn.TaskID, "string")
		payload = append(payload, piece...)
		p.appendFrame(append(payload, `,"code":0}`...))
	}
	return true
}

func (p *player) appendRecord() {
	r := p.record
	if p.reply.NoUsage {
		r = r.withoutUsage()
	}
	p.appendFrame(appendObject(p.payload[:0], p.turn.TaskID, r))
}

// appendFrame appends an event to pending. It keeps the memory of the payload for the next one.
func (p *player) appendFrame(payload []byte) {
	p.payload = payload
	p.pending.bytes = p.frameStyle.append(p.pending.bytes, payload)
	p.pending.frameEnds = append(p.pending.frameEnds, len(p.pending.bytes))
}

func (p *player) flush() {
	p.queue.put(p.pending)
	p.pending = batch{bytes: p.pending.bytes[:0], frameEnds: p.pending.frameEnds[:0]}
}

// endTurn ends the turn and makes its record, at its first call only.
func (p *player) endTurn() {
	if p.hasEnded {
		return
	}
	p.hasEnded = true
	text := string(p.text)
	if p.reply.AIText != nil {
		text = *p.reply.AIText
	}
	r := p.sim.newRecord(p.turn, text)
	r.UserStop = p.reply.UserStop
	if p.reply.Usage != nil {
		r.setUsage(*p.reply.Usage)
	}
	p.record = p.sim.endTurn(p.turn, r, p.leavesRecord())
}

// abandon ends the turn without a record, because its answer is not complete.
func (p *player) abandon() {
	p.reply.NoRecord = true
	p.endTurn()
}

// leavesRecord reports whether the platform stores the answer. It stores no answer that fails before its first text.
func (p *player) leavesRecord() bool {
	if p.reply.NoRecord || p.reply.Refused {
		return false
	}
	if len(p.text) > 0 || p.reply.AIText != nil {
		return true
	}
	for _, st := range p.steps {
		if st.kind == stepObject {
			return true
		}
	}
	return false
}
