package conversation

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"achuan/internal/chat"
)

// Answer is one answer as its client sees it. It belongs to a turn of its own, or it is attached
// to the answer of another turn.
type Answer struct {
	ctx         context.Context // the client's
	turn        *turn           // nil for an attached answer
	attached    *attachment
	replacement atomic.Pointer[Answer] // what answers instead, when the turn of an attached answer failed
	leaveOnce   sync.Once              // the client leaves once: a later client may have attached since
}

// Session returns the id of the session that answers. Any goroutine may call it at any time. The
// id may change until the first event, because a session that the platform lost is replaced.
func (a *Answer) Session() int64 {
	if b := a.replacement.Load(); b != nil {
		return b.Session()
	}
	if a.turn != nil {
		return a.turn.placed.Load().session
	}
	return a.attached.session.Load()
}

// Placement says how the request got its session. The rules of Session apply to it too.
func (a *Answer) Placement() chat.Placement {
	if b := a.replacement.Load(); b != nil {
		return b.Placement()
	}
	if a.turn != nil {
		return a.turn.placed.Load().placement
	}
	return chat.PlacementAttached
}

// Events asks the question and returns the answer as it arrives. It ends with EventDone or an
// error: a *chat.Error, or the cause of the client's context when the client left before the
// question was sent. The caller ranges over it once. Leaving the loop before EventDone means that
// the client has left; the turn continues.
func (a *Answer) Events() iter.Seq2[chat.Event, error] {
	if a.turn == nil {
		return a.play
	}
	return a.drive
}

// drive reads the answer of the turn and yields it.
func (a *Answer) drive(yield func(chat.Event, error) bool) {
	t := a.turn
	stop := context.AfterFunc(a.ctx, a.clientLeft)
	defer stop()
	returned := false
	defer func() {
		if !returned { // yield panicked: this client gets nothing more
			a.clientLeft()
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
			stop() // from here on the caller says whether the client got all: MarkClientLeft
		}
		wantsMore := yield(ev, nil)
		switch {
		case !wantsMore && (!ended || a.ctx.Err() != nil):
			a.clientLeft()
		case wantsMore && ev.Kind != chat.EventPause && t.request.Streamed:
			t.clientState.markOutput()
		}
		if !wantsMore || ended {
			returned = true
			return
		}
	}
}

// MarkClientLeft records that the client has left before the whole answer reached it, although the events
// had ended. Its next request may get the answer.
func (a *Answer) MarkClientLeft() {
	if b := a.replacement.Load(); b != nil {
		b.MarkClientLeft()
		return
	}
	a.clientLeft()
}

// MarkReplyFailed records that the reply with this answer has failed. The client has received nothing
// useful, so any repetition may get the answer. It may be called while another goroutine ranges
// over Events.
func (a *Answer) MarkReplyFailed() {
	if b := a.replacement.Load(); b != nil {
		b.MarkReplyFailed()
		return
	}
	if a.turn == nil {
		a.attached.clientReplyFailed(a.ctx)
		return
	}
	a.leaveOnce.Do(a.turn.clientReplyFailed)
}

// clientLeft records, once, that the client has left, so that its next request may get the
// answer.
func (a *Answer) clientLeft() {
	if a.turn == nil {
		a.attached.clientLeft(a.ctx)
		return
	}
	a.leaveOnce.Do(a.turn.clientLeft)
}

// Discard ends an answer whose events no caller has ranged over.
func (a *Answer) Discard() {
	if a.turn != nil {
		a.turn.fail(context.Canceled)
		return
	}
	a.clientLeft()
}
