package conversation

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// maxDetached is how long a turn runs on after its client has left.
const maxDetached = 10 * time.Minute

// clientState says whether the client of a turn is still there, and what the store keeps for the
// next one. The client may leave at any moment, on another goroutine than the one that drives the
// turn.
type clientState struct {
	hasKey bool // the request has an idempotency key, so the turn is stored from the start

	mu          sync.Mutex
	hasLeft     bool
	gotOutput   bool // the client has received some of the answer
	replyFailed bool // what the client received is useless, because its reply failed
	watchers    int  // clients that are attached to the running turn
	state       turnState
	timer       *time.Timer
	isStored    bool // the turn is in the store, or its end stores it
}

type turnState uint8

const (
	turnRunning turnState = iota
	turnWhole
	turnFailed
)

// markOutput records that the client has received some of the answer.
func (p *clientState) markOutput() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gotOutput = true
}

// attachWatcher records that another client reads the answer, until detachWatcher is called.
// isReplacement says that it replaces a client that has left.
func (p *clientState) attachWatcher(isReplacement bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers++
	if isReplacement {
		p.hasLeft, p.gotOutput, p.replyFailed = false, false, false
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// detachWatcher records that an attached client is gone.
func (p *clientState) detachWatcher(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers--
	if p.hasLeft {
		p.startDetachedTimer(t)
	}
}

// isKeptByStore reports whether the store keeps the answer for the next client.
func (p *clientState) isKeptByStore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hasKey || p.hasLeft
}

// limitDetachedTurn starts the timer that ends a turn without a client.
func (p *clientState) limitDetachedTurn(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startDetachedTimer(t)
}

func (p *clientState) startDetachedTimer(t *turn) {
	if p.timer != nil || p.state != turnRunning || p.watchers > 0 {
		return
	}
	p.timer = time.AfterFunc(maxDetached, func() { p.cancelDetachedTurn(t) })
}

// cancelDetachedTurn ends a turn that no client waits for any more.
func (p *clientState) cancelDetachedTurn(t *turn) {
	isRemote := t.hasRemoteClient()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.timer == nil || p.watchers > 0: // a client has attached meanwhile
	case isRemote:
		p.timer.Reset(maxDetached)
	default:
		t.cancelTurn(&chat.Error{Kind: chat.KindTimeout, Code: chat.CodeBackendTimeout, Message: "The answer took too long after its client had left."})
	}
}

// hasRemoteClient reports whether a client has attached to the turn on another replica.
func (t *turn) hasRemoteClient() bool {
	ctx, cancel := t.detachedContext()
	defer cancel()
	row, err := t.engine.opts.Store.Turn(ctx, t.token)
	return err == nil && !row.ClientLeft
}

func (p *clientState) stopTimer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// clientLeft records that the client has left before it had the whole answer, so that its next
// request finds the turn.
func (t *turn) clientLeft() {
	p := &t.clientState
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hasLeft || p.state == turnFailed {
		return
	}
	p.hasLeft = true
	p.startDetachedTimer(t)
	p.isStored = true // or its end will store it
	t.engine.endedAnswers.drop(t.token)
	row := p.storedTurn(t)
	leave := func(ctx context.Context, s Store) error { return s.SaveTurn(ctx, row) }
	if row.Whole {
		t.engine.writeNowOrLater(t.turnCtx, leave)
		return
	}
	ctx, cancel := t.detachedContext()
	defer cancel()
	if err := leave(ctx, t.engine.opts.Store); err != nil {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// clientReplyFailed records that the reply to the client has failed, although the turn has not.
// The client has received nothing useful.
func (t *turn) clientReplyFailed() {
	t.clientState.mu.Lock()
	t.clientState.replyFailed = true
	t.clientState.mu.Unlock()
	t.clientLeft()
}

// publish stores which session will answer, for clients that attach by the idempotency key, also
// on other replicas.
func (t *turn) publish() {
	p := &t.clientState
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := t.detachedContext()
	defer cancel()
	if err := t.engine.opts.Store.SaveTurn(ctx, p.storedTurn(t)); err != nil {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// storedTurn returns the turn as the store keeps it.
func (p *clientState) storedTurn(t *turn) StoredTurn {
	s := StoredTurn{
		Token: t.token, Caller: t.request.Caller.ID, Request: t.fingerprint,
		Key:     keyHash(t.request.IdempotencyKey, t.input.Choice),
		Session: t.sessionID(), ClientLeft: p.hasLeft, NoOutput: p.hasLeft && (!p.gotOutput || p.replyFailed),
		Whole: p.state == turnWhole,
	}
	if s.Whole {
		s.Answer = t.recording.encode(s.Session, t.finalEvent)
	}
	return s
}

// commitWhole commits the end of a whole answer, with the answer itself when another client may
// ask for it.
func (p *clientState) commitWhole(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = turnWhole
	save := Commit{Bind: t.binding}
	if p.hasKey || p.isStored {
		row := p.storedTurn(t)
		save.Turn = &row
	}
	t.save(save)
}

// commitFailed commits the end of a turn that failed. That frees its idempotency key.
func (p *clientState) commitFailed(t *turn, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = turnFailed
	t.save(Commit{Failed: true})
	if (p.hasKey || p.isStored) && !t.isStored {
		t.release(func(ctx context.Context, s Store) error { return s.Forget(ctx, t.token) })
	}
	if t.claimedName != nil {
		name := *t.claimedName
		t.release(func(ctx context.Context, s Store) error { return s.ReleaseName(ctx, name, t.token) })
	}
	t.recording.fail(cause)
}
