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

// pollInterval is the time between two checks for the answer of a turn on another replica.
const pollInterval = 200 * time.Millisecond

// attachment is an answer that another client asked for before.
type attachment struct {
	engine        *Engine
	question      Question
	stored        StoredTurn
	session       atomic.Int64
	live          *turn      // the turn, when it runs in this process
	recording     *recording // the answer, when it is in memory
	gotOutput     bool
	replyFailed   atomic.Bool // what the client received is useless, because its reply failed
	isReplacement bool        // it replaces a client that has left; false beside other clients with the same key
	leaveOnce     sync.Once
	detachOnce    sync.Once
}

// attach returns the answer of a stored turn.
func (e *Engine) attach(ctx context.Context, q Question, row *StoredTurn) *Answer {
	at := &attachment{engine: e, question: q, stored: *row, isReplacement: q.Request.IdempotencyKey == ""}
	at.session.Store(row.Session)
	if t, ok := e.liveTurns.Load(row.Token); ok && !row.Whole {
		at.live = t.(*turn)
		at.live.clientState.attachWatcher(at.isReplacement)
	}
	e.opts.Metrics.Attached(attachReason(q.Request))
	e.opts.Logger.DebugContext(ctx, "attached to an answer that was asked for before",
		telemetry.KeySession, row.Session, telemetry.KeyWhole, row.Whole)
	return &Answer{ctx: ctx, attached: at}
}

// attachTo returns an answer from a recording that no other client reads.
func (e *Engine) attachTo(ctx context.Context, q Question, it *endedAnswer) *Answer {
	at := &attachment{engine: e, question: q, isReplacement: true, recording: it.recording, stored: StoredTurn{
		Token: it.token, Caller: q.Request.Caller.ID, Request: it.request, Session: it.session, Whole: true,
	}}
	at.session.Store(it.session)
	e.opts.Metrics.Attached(attachReason(q.Request))
	e.opts.Logger.DebugContext(ctx, "attached to an answer that has just ended", telemetry.KeySession, it.session)
	return &Answer{ctx: ctx, attached: at}
}

// attachReason says how a repeated request was recognized.
func attachReason(r *chat.Request) telemetry.AttachReason {
	switch {
	case r.IdempotencyKey != "":
		return telemetry.AttachKey
	case r.Retried:
		return telemetry.AttachRetry
	}
	return telemetry.AttachLeft
}

// play yields the answer of the attached turn. When there is none, or that turn failed before its
// question was sent, play asks the question itself, because no turn answers it then.
func (a *Answer) play(yield func(chat.Event, error) bool) {
	at := a.attached
	defer at.detach()
	answer, err := at.findRecording(a.ctx)
	if err == nil && answer != nil {
		err = at.playEvents(a.ctx, answer, yield)
	}
	switch {
	case err == nil && answer != nil:
		return
	case err != nil && (at.gotOutput || a.ctx.Err() != nil || !isUnasked(err)):
		yield(chat.Event{}, err)
		return
	}
	b, err := at.engine.Ask(a.ctx, at.question)
	if err != nil {
		yield(chat.Event{}, err)
		return
	}
	a.replacement.Store(b)
	b.Events()(yield)
}

// isUnasked reports whether a turn failed before its question was sent.
func isUnasked(err error) bool {
	var e *chat.Error
	return !errors.As(err, &e) || e.NotAsked
}

// findRecording returns the recording of the answer, and waits for a turn on another replica. It
// returns nil when there will be no answer.
func (at *attachment) findRecording(ctx context.Context) (*recording, error) {
	switch {
	case at.live != nil:
		return at.live.recording, nil
	case at.recording != nil:
		return at.recording, nil
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for row := &at.stored; ; {
		if row.Session != 0 {
			at.session.Store(row.Session)
		}
		if row.Whole {
			answer, session := decodeRecording(row.Answer)
			if answer != nil {
				at.session.Store(session)
			}
			return answer, nil
		}
		select {
		case <-ctx.Done():
			at.clientLeft(ctx)
			return nil, context.Cause(ctx)
		case <-at.engine.lifeCtx.Done():
			return nil, context.Cause(at.engine.lifeCtx)
		case <-tick.C:
		}
		next, err := at.engine.opts.Store.Turn(ctx, at.stored.Token)
		switch {
		case errors.Is(err, ErrUnknown):
			return nil, nil
		case err == nil:
			row = next
		case ctx.Err() == nil:
			// The store may be available again before the client leaves.
			at.engine.storeFailed(ctx, telemetry.StoreRead, err)
		}
	}
}

// playEvents yields what the recording has, as it arrives. It returns the error of the turn, or
// the cause of the client's context when the client has left.
func (at *attachment) playEvents(ctx context.Context, answer *recording, yield func(chat.Event, error) bool) error {
	var place cursor
	paused := true
	for {
		ev, more, err := answer.next(&place)
		switch {
		case err != nil:
			return err
		case more == nil:
			paused = false
			if ev.Kind == chat.EventDone {
				at.keepAnswer(answer)
			}
			if !at.emit(ctx, ev, yield) {
				return nil
			}
			continue
		case !paused:
			paused = true
			if !yield(chat.Event{Kind: chat.EventPause}, nil) {
				at.clientLeft(ctx)
				return nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			at.clientLeft(ctx)
			return context.Cause(ctx)
		}
	}
}

// emit yields an event, and reports whether the client wants another.
func (at *attachment) emit(ctx context.Context, ev chat.Event, yield func(chat.Event, error) bool) bool {
	if at.live != nil {
		at.session.Store(at.live.sessionID())
	}
	ended := ev.Kind == chat.EventDone
	here := yield(ev, nil)
	if !here && (!ended || ctx.Err() != nil) {
		at.clientLeft(ctx)
	}
	at.gotOutput = at.gotOutput || here && at.question.Request.Streamed
	return here && !ended
}

// keepAnswer keeps the answer for a repetition, because the end of it may not reach its client.
func (at *attachment) keepAnswer(answer *recording) {
	if at.isReplacement {
		at.engine.endedAnswers.keep(at.stored.Token, at.stored.Request, at.session.Load(), answer)
	}
}

// detach tells a turn in this process that the client is gone, whether or not it has the whole
// answer.
func (at *attachment) detach() {
	at.detachOnce.Do(func() {
		if at.live != nil {
			at.live.clientState.detachWatcher(at.live)
		}
	})
}

// clientLeft records, once, that the client has left, so that the next client may get the answer.
func (at *attachment) clientLeft(ctx context.Context) {
	if at.isReplacement { // otherwise the idempotency key finds it
		at.leaveOnce.Do(func() { at.markLeft(ctx) })
	}
	at.detach()
}

// clientReplyFailed is clientLeft for a client whose reply has failed.
func (at *attachment) clientReplyFailed(ctx context.Context) {
	at.replyFailed.Store(true)
	at.clientLeft(ctx)
}

func (at *attachment) markLeft(ctx context.Context) {
	if at.live != nil {
		if !at.replyFailed.Load() && at.gotOutput {
			at.live.clientState.markOutput()
		}
		at.live.clientLeft()
		return
	}
	at.engine.endedAnswers.drop(at.stored.Token)
	row := at.stored
	row.ClientLeft, row.NoOutput = true, at.replyFailed.Load() || !at.gotOutput
	release := func(ctx context.Context, s Store) error { return s.ReleaseTurn(ctx, row.Token, row.NoOutput) }
	if at.recording != nil { // the store may not have the answer
		row.Answer = at.recording.encode(row.Session, nil)
		release = func(ctx context.Context, s Store) error { return s.SaveTurn(ctx, row) }
	}
	at.engine.writeNowOrLater(ctx, release)
}

// writeNowOrLater writes to the store now, or when the store is available again. The end of ctx
// does not cancel it.
func (e *Engine) writeNowOrLater(ctx context.Context, write func(ctx context.Context, s Store) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err := write(ctx, e.opts.Store); err != nil {
		e.storeFailed(ctx, telemetry.StoreWrite, err)
		// The write has a token of its own, because no lease depends on it.
		e.addPending(pendingWrite{token: newToken(), commit: write})
	}
}
