package conversation

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// outlives is how long a turn goes on after its client has left.
const outlives = 10 * time.Minute

// presence is whether a turn's client is there, and what is stored for whoever
// comes in its stead. The client may leave at any moment, on another goroutine
// than the one that drives the turn.
type presence struct {
	keyed bool // it has an idempotency key: stored from the start

	mu       sync.Mutex
	left     bool
	spoke    bool // the client has had some of the answer
	void     bool // what the client has had is of no use to it: its reply failed
	watchers int  // clients that attached to the running turn and are there
	state    turnState
	timer    *time.Timer
	stored   bool // in the store, or to be stored at its end
}

type turnState uint8

const (
	turnRunning turnState = iota
	turnWhole
	turnFailed
)

// heard notes that the client has had some of the answer.
func (p *presence) heard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spoke = true
}

// join notes that another client has come for the answer, until part is called. instead
// says that it came in the stead of a client that had left.
func (p *presence) join(instead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers++
	if instead {
		p.left, p.spoke, p.void = false, false, false
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// part notes that a client that had attached is gone.
func (p *presence) part(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watchers--
	if p.left {
		p.limit(t)
	}
}

// keptByStore reports whether the store keeps the answer for the turn's next client.
func (p *presence) keptByStore() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keyed || p.left
}

// bound gives a turn without a client its last moment.
func (p *presence) bound(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limit(t)
}

func (p *presence) limit(t *turn) {
	if p.timer != nil || p.state != turnRunning || p.watchers > 0 {
		return
	}
	p.timer = time.AfterFunc(outlives, func() { p.timeOut(t) })
}

// timeOut ends a turn that nobody has waited for.
func (p *presence) timeOut(t *turn) {
	isRemote := t.hasRemoteClient()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.timer == nil || p.watchers > 0: // a client has come meanwhile
	case isRemote:
		p.timer.Reset(outlives)
	default:
		t.kill(&chat.Error{Kind: chat.KindTimeout, Code: chat.CodeBackendTimeout, Message: "The answer took too long after its client had left."})
	}
}

// hasRemoteClient reports whether a client has attached to the turn at another replica.
func (t *turn) hasRemoteClient() bool {
	ctx, cancel := t.lasting()
	defer cancel()
	row, err := t.engine.Store.Turn(ctx, t.token)
	return err == nil && !row.Left
}

func (p *presence) over() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

// leave notes that the client has gone before it had the whole answer, so that its
// next request finds the turn.
func (t *turn) leave() {
	p := &t.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left || p.state == turnFailed {
		return
	}
	p.left = true
	p.limit(t)
	p.stored = true // or it will be: the turn's end stores what is missing
	t.engine.recordings.drop(t.token, t.print)
	row := p.row(t)
	leave := func(ctx context.Context, s Store) error { return s.Leave(ctx, row) }
	if row.Whole {
		t.engine.writeOrOwe(t.life, leave)
		return
	}
	ctx, cancel := t.lasting()
	defer cancel()
	if err := leave(ctx, t.engine.Store); err != nil {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// lose notes that the reply to the client has failed, although the turn has not: the
// client has received nothing of use.
func (t *turn) lose() {
	t.presence.mu.Lock()
	t.presence.void = true
	t.presence.mu.Unlock()
	t.leave()
}

// tell tells those who come for the answer by its key, at other replicas too, which
// session is going to give it.
func (t *turn) tell() {
	p := &t.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := t.lasting()
	defer cancel()
	if err := t.engine.Store.Leave(ctx, p.row(t)); err != nil {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	}
}

// row is the turn for the store.
func (p *presence) row(t *turn) Stored {
	s := Stored{
		Token: t.token, Caller: t.request.Caller.ID, Request: t.print, Key: keyHash(t.request.IdempotencyKey, t.q.Choice),
		Session: t.sessionID(), Left: p.left, Silent: p.left && (!p.spoke || p.void), Whole: p.state == turnWhole,
	}
	if s.Whole {
		s.Answer = t.tape.encode(s.Session, t.final)
	}
	return s
}

// whole commits the end of a whole answer, with the answer where somebody may yet
// come for it.
func (p *presence) whole(t *turn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = turnWhole
	save := Save{Bind: t.bind}
	if p.keyed || p.stored {
		row := p.row(t)
		save.Turn = &row
	}
	t.save(save)
}

// failed commits the end of a turn that failed, which frees its key.
func (p *presence) failed(t *turn, cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = turnFailed
	t.save(Save{Failed: true})
	if (p.keyed || p.stored) && !t.stored {
		t.release(func(ctx context.Context, s Store) error { return s.Forget(ctx, t.token) })
	}
	if t.claimed != nil {
		name := *t.claimed
		t.release(func(ctx context.Context, s Store) error { return s.ReleaseName(ctx, name, t.token) })
	}
	t.tape.fail(cause)
}
