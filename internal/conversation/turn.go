package conversation

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// turn is one taking of a session: from placement to the end of its answer.
// One goroutine uses it at a time: the client's, and after detach one of its own.
type turn struct {
	engine  *Engine
	request *chat.Request
	client  context.Context // the client's interest, until the question is sent or the engine aborts
	life    context.Context // the turn's own, which outlives the client
	kill    context.CancelCauseFunc
	log     *slog.Logger
	started time.Time

	session *session
	where   atomic.Pointer[where] // of session, for readers on other goroutines
	text    string                // what is sent
	name    *name                 // the name that means the session once it has answered
	history bool                  // the request came with more than a lone message
	holds   []func()              // what was taken, in that order

	stream    chat.Stream // the answer under way; nil before the question
	sent      bool        // the question may have reached the platform
	spoke     bool        // something of the answer was passed on
	recovered bool        // a lost session was replaced already
	end       func()
}

type where struct {
	session   int64
	placement chat.Placement
}

func (e *Engine) newTurn(ctx context.Context, r *chat.Request) *turn {
	// Values go along (the request id, for the logs); cancellation does not.
	life, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	client, leave := context.WithCancelCause(ctx)
	abort := func() {
		leave(context.Cause(e.life))
		kill(context.Cause(e.life))
	}
	stop := context.AfterFunc(e.life, abort)
	if e.life.Err() != nil {
		abort() // at once, not when its goroutine comes round
	}
	t := &turn{engine: e, request: r, client: client, life: life, kill: kill, log: e.Logger, started: time.Now()}
	t.end = sync.OnceFunc(func() {
		for _, release := range slices.Backward(t.holds) {
			release()
		}
		if t.stream != nil {
			t.stream.Close()
		}
		stop()
		leave(nil)
		kill(nil)
		e.work.add(-1)
	})
	e.work.add(1)
	return t
}

// at records where the turn is placed.
func (t *turn) at(s *session, p chat.Placement, text string) {
	t.session, t.text = s, text
	t.where.Store(&where{s.id, p})
}

// next returns the next event of the answer, asking the question first. After an
// error or EventDone the turn is over.
func (t *turn) next() (chat.Event, error) {
	ev, err := t.advance()
	for lost(err) && !t.spoke && !t.recovered {
		if err = t.recover(); err == nil {
			ev, err = t.advance()
		}
	}
	switch {
	case lost(err):
		err = lostAgain(err)
		fallthrough
	case err != nil:
		t.fail(err)
		return chat.Event{}, err
	case ev.Kind == chat.EventDone:
		t.finish()
	default:
		t.spoke = true
	}
	return ev, nil
}

// advance takes one step of the platform's answer.
func (t *turn) advance() (chat.Event, error) {
	if t.stream == nil {
		if t.client.Err() != nil && !t.recovered {
			return chat.Event{}, context.Cause(t.client) // nobody waits any more: not asked
		}
		t.sent = true
		stream, err := t.engine.Platform.Ask(t.life, chat.Question{
			Session: t.session.id, Text: t.text, ReasoningEffort: t.request.ReasoningEffort,
		})
		if err != nil {
			return chat.Event{}, err
		}
		t.stream = stream
	}
	return t.stream.Next()
}

// recover moves the turn from a session that the platform lost to a new one with
// the whole transcript.
func (t *turn) recover() error {
	t.recovered, t.sent = true, false
	old := t.session
	if t.stream != nil {
		t.stream.Close()
		t.stream = nil
	}
	if err := t.placeWhole(); err != nil {
		return err
	}
	t.engine.known.replace(old, t.session, old.made)
	t.log.InfoContext(t.life, "lost session replaced", telemetry.KeyReplaced, old.id,
		telemetry.KeySession, t.session.id, telemetry.KeyPlacement, t.where.Load().placement)
	return nil
}

// finish ends a turn whose answer is whole. The session is free before the
// client sees the end, so that its next request finds it so.
func (t *turn) finish() {
	t.session.unseen = false
	if t.name != nil {
		t.engine.known.rename(*t.name, t.session.id, t.history)
	}
	t.log.DebugContext(t.life, "turn ended", telemetry.KeySession, t.session.id, telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.end()
}

// fail ends a turn whose answer is not whole.
func (t *turn) fail(err error) {
	e := chat.AsError(err)
	if t.sent && !e.NotAsked && !e.EndSeen {
		t.session.unseen = true
	}
	t.log.DebugContext(t.life, "turn failed", telemetry.KeySession, t.where.Load().session, telemetry.KeyCode, e.Code,
		telemetry.KeyEndSeen, !t.session.unseen, telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.end()
}

// detach finishes the turn without its client.
func (t *turn) detach() {
	timer := time.AfterFunc(outlives, func() {
		t.kill(&chat.Error{Kind: chat.KindTimeout, Code: chat.CodeBackendTimeout, Message: "The answer took too long after its client had left."})
	})
	go func() {
		defer timer.Stop()
		for {
			if ev, err := t.next(); err != nil || ev.Kind == chat.EventDone {
				return
			}
		}
	}()
}

func lost(err error) bool { return err != nil && chat.AsError(err).SessionLost }

// lostAgain is what a client is told when a session was lost and could not be
// replaced: by then it is no longer about the session the client named.
func lostAgain(cause error) *chat.Error {
	return &chat.Error{
		Kind: chat.KindBackend, Code: chat.CodeBackendError, Cause: cause, EndSeen: true,
		Message: "The platform lost the session while it was in use. Try again.",
	}
}
