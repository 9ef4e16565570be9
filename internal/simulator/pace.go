package simulator

import (
	"strings"
	"time"
)

// beat waits as long as the next frame has to. It reports false when the simulator
// has closed.
func (p *performance) beat() bool {
	switch {
	case p.r.Gate != nil:
		return p.wait(Wait(p.r.Gate))
	case p.delay > 0:
		return p.wait(Pause(p.delay))
	}
	if len(p.out.bytes) >= publishSize {
		p.publish()
	}
	return true
}

// wait performs a step that takes time.
func (p *performance) wait(st Step) bool {
	p.publish()
	closed := p.s.ctx.Done()
	switch st.kind {
	case stepPause:
		select {
		case <-p.after(st.wait):
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
		case <-p.box.left:
		case <-closed:
			return false
		}
	}
	return true
}

// floodSize is how much of a flood is sent at once when nothing slows it.
const floodSize = 32 << 10

// flood sends the bytes of a step until the client has left. It reports false when
// the simulator has closed.
func (p *performance) flood(st Step) bool {
	unit := strings.ReplaceAll(st.text, "$ID", p.t.TaskID)
	if st.wait == 0 {
		unit = strings.Repeat(unit, max(1, floodSize/len(unit)))
	}
	for {
		p.out.bytes = append(p.out.bytes, unit...)
		p.out.ends = append(p.out.ends, len(p.out.bytes))
		p.publish()
		var pause <-chan time.Time
		taken := p.box.taken
		if st.wait > 0 {
			pause, taken = p.after(st.wait), nil
		}
		select {
		case <-pause:
		case <-taken:
		case <-p.box.left:
			return true
		case <-p.s.ctx.Done():
			return false
		}
	}
}

func (p *performance) after(d time.Duration) <-chan time.Time {
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	return p.timer.C
}
