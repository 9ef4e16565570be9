package simulator

import (
	"strings"
	"time"
)

// waitForFrame waits until the next frame may be sent. It reports false when the simulator has closed.
func (p *player) waitForFrame() bool {
	switch {
	case p.reply.Gate != nil:
		return p.playWait(Wait(p.reply.Gate))
	case p.delay > 0:
		return p.playWait(Pause(p.delay))
	}
	if len(p.pending.bytes) >= flushSize {
		p.flush()
	}
	return true
}

// playWait plays a step that only waits. It reports false when the simulator has closed.
func (p *player) playWait(st Step) bool {
	p.flush()
	closed := p.sim.ctx.Done()
	switch st.kind {
	case stepPause:
		select {
		case <-p.startTimer(st.wait):
		case <-closed:
			return false
		}
	case stepWait:
		select {
		case <-st.gate:
		case <-closed:
			return false
		}
	case stepHang:
		select {
		case <-p.queue.closed:
		case <-closed:
			return false
		}
	}
	return true
}

// floodSize is the size in bytes of one batch of a flood without an interval.
const floodSize = 32 << 10

// playFlood sends the bytes of a step until the client has left. It reports false when the simulator has closed.
func (p *player) playFlood(st Step) bool {
	unit := strings.ReplaceAll(st.text, "$ID", p.turn.TaskID)
	if st.wait == 0 {
		unit = strings.Repeat(unit, max(1, floodSize/len(unit)))
	}
	for {
		p.pending.bytes = append(p.pending.bytes, unit...)
		p.pending.frameEnds = append(p.pending.frameEnds, len(p.pending.bytes))
		p.flush()
		var pause <-chan time.Time
		taken := p.queue.taken
		if st.wait > 0 {
			pause, taken = p.startTimer(st.wait), nil
		}
		select {
		case <-pause:
		case <-taken:
		case <-p.queue.closed:
			return true
		case <-p.sim.ctx.Done():
			return false
		}
	}
}

func (p *player) startTimer(d time.Duration) <-chan time.Time {
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	return p.timer.C
}
