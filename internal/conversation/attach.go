package conversation

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// pollInterval is how often a turn of another replica is asked after.
const pollInterval = 200 * time.Millisecond

// attachment is the answer of a turn that another client asked for.
type attachment struct {
	engine        *Engine
	q             Question
	row           StoredTurn
	session       atomic.Int64
	live          *turn      // in this process; nil otherwise
	tape          *recording // of an answer that is at hand; nil otherwise
	gotOutput     bool
	void          atomic.Bool // the reply failed, so that what the client has had is of no use
	isReplacement bool        // in the stead of a client that had left, not beside one by its key
	leaveOnce     sync.Once
	parted        sync.Once
}

// attach makes an answer of a stored turn.
func (e *Engine) attach(ctx context.Context, q Question, row *StoredTurn) *Answer {
	at := &attachment{engine: e, q: q, row: *row, isReplacement: q.Request.IdempotencyKey == ""}
	at.session.Store(row.Session)
	if t, ok := e.liveTurns.Load(row.Token); ok && !row.Whole {
		at.live = t.(*turn)
		at.live.clientState.attachWatcher(at.isReplacement)
	}
	e.Metrics.Attached(attachReason(q.Request))
	e.Logger.DebugContext(ctx, "attached to an answer that was asked for before",
		telemetry.KeySession, row.Session, telemetry.KeyWhole, row.Whole)
	return &Answer{ctx: ctx, attached: at}
}

// attachTo makes an answer of a recording, which nobody else has.
func (e *Engine) attachTo(ctx context.Context, q Question, it *endedAnswer) *Answer {
	at := &attachment{engine: e, q: q, isReplacement: true, tape: it.recording, row: StoredTurn{
		Token: it.token, Caller: q.Request.Caller.ID, Request: it.request, Session: it.session, Whole: true,
	}}
	at.session.Store(it.session)
	e.Metrics.Attached(attachReason(q.Request))
	e.Logger.DebugContext(ctx, "attached to an answer that has just ended", telemetry.KeySession, it.session)
	return &Answer{ctx: ctx, attached: at}
}

// attachReason says how a repeated request was recognised.
func attachReason(r *chat.Request) telemetry.AttachReason {
	switch {
	case r.IdempotencyKey != "":
		return telemetry.AttachKey
	case r.Retried:
		return telemetry.AttachRetry
	}
	return telemetry.AttachLeft
}

// play returns the answer of the attached turn. When that turn comes to nothing,
// the question is asked after all: it is known then that no answer is under way.
func (a *Answer) play(yield func(chat.Event, error) bool) {
	at := a.attached
	defer at.detach()
	tape, err := at.find(a.ctx)
	if err == nil && tape != nil {
		err = at.events(a.ctx, tape, yield)
	}
	switch {
	case err == nil && tape != nil:
		return
	case err != nil && (at.gotOutput || a.ctx.Err() != nil || !isUnasked(err)):
		yield(chat.Event{}, err)
		return
	}
	b, err := at.engine.Ask(a.ctx, at.q)
	if err != nil {
		yield(chat.Event{}, err)
		return
	}
	a.replacement.Store(b)
	b.Events()(yield)
}

// isUnasked reports whether a turn that failed left its question unasked.
func isUnasked(err error) bool {
	var e *chat.Error
	return !errors.As(err, &e) || e.NotAsked
}

// find returns the tape of the answer, waiting for the replica that makes it. nil
// means that there will be none.
func (at *attachment) find(ctx context.Context) (*recording, error) {
	switch {
	case at.live != nil:
		return &at.live.recording, nil
	case at.tape != nil:
		return at.tape, nil
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for row := &at.row; ; {
		if row.Session != 0 {
			at.session.Store(row.Session)
		}
		if row.Whole {
			tape, session := decodeRecording(row.Answer)
			if tape != nil {
				at.session.Store(session)
			}
			return tape, nil
		}
		select {
		case <-ctx.Done():
			at.leave(ctx)
			return nil, context.Cause(ctx)
		case <-at.engine.lifeCtx.Done():
			return nil, context.Cause(at.engine.lifeCtx)
		case <-tick.C:
		}
		next, err := at.engine.Store.Turn(ctx, at.row.Token)
		switch {
		case errors.Is(err, ErrUnknown):
			return nil, nil
		case err == nil:
			row = next
		case ctx.Err() == nil:
			at.engine.storeFailed(ctx, telemetry.StoreRead, err) // it may come back before the client goes
		}
	}
}

// events passes on what the tape has, as it comes. Its error is the turn's, or the
// client's that has left.
func (at *attachment) events(ctx context.Context, tape *recording, yield func(chat.Event, error) bool) error {
	var place cursor
	paused := true
	for {
		ev, more, err := tape.next(&place)
		switch {
		case err != nil:
			return err
		case more == nil:
			paused = false
			if ev.Kind == chat.EventDone {
				at.deliver(tape)
			}
			if !at.emit(ctx, ev, yield) {
				return nil
			}
			continue
		case !paused:
			paused = true
			if !yield(chat.Event{Kind: chat.EventPause}, nil) {
				at.leave(ctx)
				return nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			at.leave(ctx)
			return context.Cause(ctx)
		}
	}
}

// emit gives the client an event, and reports whether it wants another.
func (at *attachment) emit(ctx context.Context, ev chat.Event, yield func(chat.Event, error) bool) bool {
	if at.live != nil {
		at.session.Store(at.live.sessionID())
	}
	ended := ev.Kind == chat.EventDone
	here := yield(ev, nil)
	if !here && (!ended || ctx.Err() != nil) {
		at.leave(ctx)
	}
	at.gotOutput = at.gotOutput || here && at.q.Request.Streamed
	return here && !ended
}

// deliver keeps the answer for a repetition: its client may not get the end of it.
func (at *attachment) deliver(tape *recording) {
	if at.isReplacement {
		at.engine.recordings.keep(at.row.Token, at.row.Request, at.session.Load(), tape)
	}
}

// detach says that the client is gone, whether it has the whole answer or not.
func (at *attachment) detach() {
	at.parted.Do(func() {
		if at.live != nil {
			at.live.clientState.detachWatcher(at.live)
		}
	})
}

// leave lets the next client come for the answer, once: when that has come, this
// one has nothing to give away any more.
func (at *attachment) leave(ctx context.Context) {
	if at.isReplacement { // otherwise its key finds it
		at.leaveOnce.Do(func() { at.markLeft(ctx) })
	}
	at.detach()
}

// lose is leave for a client whose reply has failed.
func (at *attachment) lose(ctx context.Context) {
	at.void.Store(true)
	at.leave(ctx)
}

func (at *attachment) markLeft(ctx context.Context) {
	if at.live != nil {
		if !at.void.Load() && at.gotOutput {
			at.live.clientState.markOutput()
		}
		at.live.leave()
		return
	}
	at.engine.recordings.drop(at.row.Token, at.row.Request)
	row := at.row
	row.Left, row.Silent = true, at.void.Load() || !at.gotOutput
	giveBack := func(ctx context.Context, s Store) error { return s.ReleaseTurn(ctx, row.Token, row.Silent) }
	if at.tape != nil { // the store need not have it
		row.Answer = at.tape.encode(row.Session, nil)
		giveBack = func(ctx context.Context, s Store) error { return s.SaveTurn(ctx, row) }
	}
	at.engine.writeOrOwe(ctx, giveBack)
}

// writeOrOwe does a write that nobody's interest bounds, now or when the store is back.
func (e *Engine) writeOrOwe(ctx context.Context, write func(ctx context.Context, s Store) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := write(ctx, e.Store); err != nil {
		e.storeFailed(ctx, telemetry.StoreWrite, err)
		e.addPending(pendingWrite{token: newToken(), commit: write}) // no lease depends on it
	}
}
