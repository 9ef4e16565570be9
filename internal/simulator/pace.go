package simulator

import "time"

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

func (p *performance) after(d time.Duration) <-chan time.Time {
	if p.timer == nil {
		p.timer = time.NewTimer(d)
	} else {
		p.timer.Reset(d)
	}
	return p.timer.C
}
