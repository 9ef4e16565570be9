package conversation

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"achuan/internal/chat"
)

// Answer is one answer as its client sees it: of a turn of its own, or of one that
// it attached to.
type Answer struct {
	ctx         context.Context // the client's
	turn        *turn           // nil for an attached one
	attached    *attachment
	replacement atomic.Pointer[Answer] // what an attached one that came to nothing became
	leaveOnce   sync.Once              // the turn's client, who leaves once: another may have come since
}

// Session is the id of the session that answers. It is safe to call from any
// goroutine at any time, and may change until the first event: a session that
// turns out to be lost is replaced.
func (a *Answer) Session() int64 {
	if b := a.replacement.Load(); b != nil {
		return b.Session()
	}
	if a.turn != nil {
		return a.turn.placed.Load().session
	}
	return a.attached.session.Load()
}

// Placement says how the request came to its session; see Session.
func (a *Answer) Placement() chat.Placement {
	if b := a.replacement.Load(); b != nil {
		return b.Placement()
	}
	if a.turn != nil {
		return a.turn.placed.Load().placement
	}
	return chat.PlacementAttached
}

// Events asks the question and returns the answer as it comes, ending with
// EventDone or an error (a *chat.Error, or the client's context error when it
// left before the question was sent). It is ranged over once. Breaking out of the
// loop before EventDone says that the client has left; the turn goes on.
func (a *Answer) Events() iter.Seq2[chat.Event, error] {
	if a.turn == nil {
		return a.play
	}
	return a.drive
}

// drive pulls the answer of the turn.
func (a *Answer) drive(yield func(chat.Event, error) bool) {
	t := a.turn
	stop := context.AfterFunc(a.ctx, a.leave)
	defer stop()
	returned := false
	defer func() {
		if !returned { // a panic: this client gets no more
			a.leave()
		}
		if !t.isOver {
			t.detach()
		}
	}()
	for {
		ev, err := t.next()
		if err != nil {
			returned = true
			yield(chat.Event{}, err)
			return
		}
		ended := ev.Kind == chat.EventDone
		if ended {
			stop() // from here on its caller says whether the client got it: Left
		}
		here := yield(ev, nil)
		switch {
		case !here && (!ended || a.ctx.Err() != nil):
			a.leave()
		case here && ev.Kind != chat.EventPause && t.request.Streamed:
			t.clientState.markOutput()
		}
		if !here || ended {
			returned = true
			return
		}
	}
}

// Left says that the client has gone before all of the answer had reached it,
// although the events had ended: its next request may come for it.
func (a *Answer) Left() {
	if b := a.replacement.Load(); b != nil {
		b.Left()
		return
	}
	a.leave()
}

// Lose says that the reply that the answer is a part of has failed: the client has
// received nothing of use, so any repetition may come for the answer. It may be called
// while the events are ranged over.
func (a *Answer) Lose() {
	if b := a.replacement.Load(); b != nil {
		b.Lose()
		return
	}
	if a.turn == nil {
		a.attached.lose(a.ctx)
		return
	}
	a.leaveOnce.Do(a.turn.lose)
}

// leave lets the next client come for the answer, once.
func (a *Answer) leave() {
	if a.turn == nil {
		a.attached.leave(a.ctx)
		return
	}
	a.leaveOnce.Do(a.turn.leave)
}

// Discard gives the answer up before its events were ranged over.
func (a *Answer) Discard() {
	if a.turn != nil {
		a.turn.fail(context.Canceled)
		return
	}
	a.leave()
}
