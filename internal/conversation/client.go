package conversation

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// maxDetached is how long a turn goes on after its client has left.
const maxDetached = 10 * time.Minute

// clientState is whether a turn's client is there, and what is stored for whoever
// comes in its stead. The client may leave at any moment, on another goroutine
// than the one that drives the turn.
type clientState struct {
	keyed bool // it has an idempotency key: stored from the start

	mu          sync.Mutex
	left        bool
	gotOutput   bool // the client has had some of the answer
	replyFailed bool // what the client has had is of no use to it: its reply failed
	watchers    int  // clients that attached to the running turn and are there
	state       turnState
	timer       *time.Timer
	stored      bool // in the store, or to be stored at its end
}

type turnState uint8

const (
	turnRunning turnState = iota
	turnWhole
	turnFailed
)

// markOutput notes that the client has had some of the answer.
func (p *clientState) markOutput() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gotOutput = true
}

// attachWatcher notes that another client has come for the answer, until part is called. instead
// says that it came in the stead of a client that had left.
func (p *clientState) attachWatcher(instead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers++
	if instead {
		p.left, p.gotOutput, p.replyFailed = false, false, false
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// detachWatcher notes that a client that had attached is gone.
func (p *clientState) detachWatcher(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers--
	if p.left {
		p.startDetachedTimer(t)
	}
}

// keptByStore reports whether the store keeps the answer for the turn's next client.
func (p *clientState) keptByStore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keyed || p.left
}

// limitDetached gives a turn without a client its last moment.
func (p *clientState) limitDetached(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.startDetachedTimer(t)
}

func (p *clientState) startDetachedTimer(t *turn) {
	if p.timer != nil || p.state != turnRunning || p.watchers > 0 {
		return
	}
	p.timer = time.AfterFunc(maxDetached, func() { p.timeOut(t) })
}

// timeOut ends a turn that nobody has waited for.
func (p *clientState) timeOut(t *turn) {
	isRemote := t.hasRemoteClient()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.timer == nil || p.watchers > 0: // a client has come meanwhile
	case isRemote:
		p.timer.Reset(maxDetached)
	default:
		t.cancelTurn(&chat.Error{Kind: chat.KindTimeout, Code: chat.CodeBackendTimeout, Message: "The answer took too long after its client had left."})
	}
}

// hasRemoteClient reports whether a client has attached to the turn at another replica.
func (t *turn) hasRemoteClient() bool {
	ctx, cancel := t.detachedContext()
	defer cancel()
	row, err := t.engine.Store.Turn(ctx, t.token)
	return err == nil && !row.Left
}

func (p *clientState) stopTimer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// leave notes that the client has gone before it had the whole answer, so that its
// next request finds the turn.
func (t *turn) leave() {
	p := &t.clientState
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left || p.state == turnFailed {
		return
	}
	p.left = true
	p.startDetachedTimer(t)
	p.stored = true // or it will be: the turn's end stores what is missing
	t.engine.recordings.drop(t.token, t.fingerprint)
	row := p.storedTurn(t)
	leave := func(ctx context.Context, s Store) error { return s.SaveTurn(ctx, row) }
	if row.Whole {
		t.engine.writeOrOwe(t.turnCtx, leave)
		return
	}
	ctx, cancel := t.detachedContext()
	defer cancel()
	if err := leave(ctx, t.engine.Store); err != nil {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// lose notes that the reply to the client has failed, although the turn has not: the
// client has received nothing of use.
func (t *turn) lose() {
	t.clientState.mu.Lock()
	t.clientState.replyFailed = true
	t.clientState.mu.Unlock()
	t.leave()
}

// publish tells those who come for the answer by its key, at other replicas too, which
// session is going to give it.
func (t *turn) publish() {
	p := &t.clientState
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := t.detachedContext()
	defer cancel()
	if err := t.engine.Store.SaveTurn(ctx, p.storedTurn(t)); err != nil {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// storedTurn is the turn for the store.
func (p *clientState) storedTurn(t *turn) StoredTurn {
	s := StoredTurn{
		Token: t.token, Caller: t.request.Caller.ID, Request: t.fingerprint, Key: keyHash(t.request.IdempotencyKey, t.input.Choice),
		Session: t.sessionID(), Left: p.left, Silent: p.left && (!p.gotOutput || p.replyFailed), Whole: p.state == turnWhole,
	}
	if s.Whole {
		s.Answer = t.recording.encode(s.Session, t.finalEvent)
	}
	return s
}

// commitWhole commits the end of a whole answer, with the answer where somebody may yet
// come for it.
func (p *clientState) commitWhole(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = turnWhole
	save := Commit{Bind: t.binding}
	if p.keyed || p.stored {
		row := p.storedTurn(t)
		save.Turn = &row
	}
	t.save(save)
}

// commitFailed commits the end of a turn that failed, which frees its key.
func (p *clientState) commitFailed(t *turn, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = turnFailed
	t.save(Commit{Failed: true})
	if (p.keyed || p.stored) && !t.isStored {
		t.release(func(ctx context.Context, s Store) error { return s.Forget(ctx, t.token) })
	}
	if t.claimedName != nil {
		name := *t.claimedName
		t.release(func(ctx context.Context, s Store) error { return s.ReleaseName(ctx, name, t.token) })
	}
	t.recording.fail(cause)
}
