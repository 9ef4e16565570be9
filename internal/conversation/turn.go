package conversation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// turn is one taking of a session: from placement to the end of its answer, with
// its repairs. One goroutine drives it at a time: the client's, and after detach
// one of its own.
type turn struct {
	engine  *Engine
	q       Question
	request *chat.Request
	history transcript // of the request
	token   Token
	print   Hash            // the request's fingerprint
	client  context.Context // the client's interest, until the question is sent or the engine aborts
	life    context.Context // the turn's own, which outlives the client
	kill    context.CancelCauseFunc
	log     *slog.Logger
	started time.Time

	where   atomic.Pointer[where] // of session, for readers on other goroutines
	session *Session              // taken; what it is to be is written here
	before  Session               // as it was when it was taken
	stored  bool                  // the session is in the store, under token
	// maybeStored says that nobody knows whether the session is in the store.
	maybeStored bool
	text        string                 // what is sent
	tells       Hash                   // digest of what is told in front of the text; zero for nothing
	taking      Taking                 // what the session is taken for
	head        Hash                   // lineage of what the session holds once text is there; zero: not known
	why         telemetry.ReplayReason // of a replay, for the metrics
	made        int64                  // the session that this turn made last; 0 for none
	bind        *Binding               // the name that means the session once it has answered
	holds       []func()               // what was taken in this process, in that order
	claimed     *NameKey               // the name was taken and means nothing yet
	resumed     *resumption            // of an interrupted turn; nil for one that is asked
	instead     *replaced              // the session whose place this one takes once it has answered; may be nil
	replacing   *Replacement           // what the turn's end replaces; nil for nothing

	stream     chat.Stream   // the answer under way; nil before the question
	sent       bool          // a question may have reached the platform
	asked      int           // questions that have an answer in the session by now
	recovered  bool          // a lost session was replaced already
	side       bool          // a side task: its session is thrown away
	discovered bool          // its session was read from the platform in this turn
	cut        bool          // the client's answer ended before the platform's
	isForged   bool          // it was cut where the model imitates the replay framing
	scaffold   *answerFilter // of the answer under way; nil before its first event
	final      *chat.Event   // the client's EventDone, held back until all is saved
	ready      []chat.Event  // for the client, not taken yet
	over       bool

	tape     tape
	presence presence
	end      func() // gives back what this process holds
}

type where struct {
	session   int64
	placement chat.Placement
}

// newTurn begins a turn for a request that is asked, and no other answers.
func (e *Engine) newTurn(ctx context.Context, q Question, token Token, print Hash) *turn {
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
	t := &turn{
		engine: e, q: q, request: q.Request, token: token, print: print,
		client: client, life: life, kill: kill, log: e.Logger, started: time.Now(), why: telemetry.ReplayHistory,
	}
	t.history = readTranscript(q.Request.Transcript())
	setCallSeed(q.Shaper, token)
	t.side = !e.KeepSideTasks && sideTask(q.Request)
	t.presence.keyed = t.keyed()
	if q.Request.Hold != nil {
		t.holds = append(t.holds, q.Request.Hold())
	}
	t.end = sync.OnceFunc(func() {
		for _, release := range slices.Backward(t.holds) {
			release()
		}
		if t.stream != nil {
			t.stream.Close()
		}
		e.leases.drop(token)
		e.live.Delete(token)
		t.presence.over()
		stop()
		leave(nil)
		kill(nil)
		e.work.add(-1)
	})
	e.work.add(1)
	e.live.Store(token, t)
	return t
}

func (t *turn) keyed() bool { return t.request.IdempotencyKey != "" }

// at records where the turn is placed.
func (t *turn) at(p chat.Placement, text string) {
	t.writeQuestion(text)
	t.where.Store(&where{t.session.ID, p})
}

// next returns the next event of the client's answer, asking the question first.
// After an error or EventDone it is not called again.
func (t *turn) next() (chat.Event, error) {
	for len(t.ready) == 0 {
		if err := t.step(); err != nil {
			return chat.Event{}, err
		}
	}
	ev := t.ready[0]
	t.ready = t.ready[1:]
	return ev, nil
}

// step takes one event of the platform's answer and makes the client's of it. An
// error has ended the turn. So has a panic, on whatever goroutine: the session is not
// to stay taken, nor the other turns to end with the process.
func (t *turn) step() (err error) {
	defer func() {
		if v := recover(); v != nil {
			t.engine.Metrics.Panicked()
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			t.log.ErrorContext(t.life, "a turn panicked", telemetry.KeyError, err)
			t.fail(err)
		}
	}()
	return t.event()
}

// event is step, unless it panics.
func (t *turn) event() error {
	ev, err := t.advance()
	for lost(err) && t.asked == 0 && len(t.tape.parts) == 0 && !t.recovered && t.instead == nil {
		if err = t.recover(); err == nil {
			ev, err = t.advance()
		}
	}
	if lost(err) {
		err = lostAgain(err)
	}
	if err == nil {
		err = t.shape(ev)
	}
	if err != nil {
		t.fail(err)
	}
	return err
}

// advance takes one step of the platform's answer.
func (t *turn) advance() (chat.Event, error) {
	if t.stream != nil {
		return t.stream.Next()
	}
	if t.client.Err() != nil && !t.recovered && t.asked == 0 {
		return chat.Event{}, context.Cause(t.client) // nobody waits any more: not asked
	}
	if t.resumed != nil {
		stream, err := t.openRecord()
		if err != nil {
			return chat.Event{}, err
		}
		if stream != nil {
			t.stream = stream
			return stream.Next()
		}
	}
	if t.client.Err() != nil && !t.sent && !t.recovered {
		return chat.Event{}, context.Cause(t.client) // it left while the records were read
	}
	if t.stored && !t.engine.leases.held(t.token) {
		return chat.Event{}, leaseLost()
	}
	if t.asked == 0 {
		t.noteTools()
	}
	t.sent = true
	stream, err := t.engine.Platform.Ask(t.life, chat.Question{
		Session: t.session.ID, Text: t.text, ReasoningEffort: t.request.ReasoningEffort,
	})
	if err != nil {
		return chat.Event{}, err
	}
	t.stream = stream
	return stream.Next()
}

// shape makes the client's events of one of the platform's.
func (t *turn) shape(ev chat.Event) error {
	ended := ev.Kind == chat.EventDone
	if ended {
		t.asked++
	}
	switch {
	case t.cut && ended:
		t.finish(ev)
		return nil
	case t.cut:
		return nil // the client's answer has ended already
	}
	if t.scaffold == nil {
		t.scaffold = t.newAnswerFilter()
	}
	held, isLeft := t.scaffold.take(&ev)
	if ended {
		t.isForged = t.isForged || t.scaffold.text.isCut
		t.scaffold = nil
	}
	if held.Kind != 0 {
		if _, err := t.form(held, false); err != nil {
			return err
		}
	}
	if !isLeft {
		return nil
	}
	repair, err := t.form(ev, ended)
	switch {
	case err != nil:
		return err
	case repair != "":
		t.stream.Close()
		t.stream, t.text = nil, repair
		return nil
	}
	switch {
	case ended && t.final == nil && !t.cut:
		return errors.New("the answer was shaped without an end")
	case ended:
		t.finish(ev)
	}
	return nil
}

// form has the Shaper make the client's events of one.
func (t *turn) form(ev chat.Event, ended bool) (repair string, err error) {
	if t.q.Shaper == nil {
		t.pass(ev, ended)
		return "", nil
	}
	return t.q.Shaper.Shape(ev, func(out chat.Event) { t.pass(out, ended) })
}

// pass gives the client an event. An EventDone that the platform has not said yet
// is a cut. One that it has waits for finish, so that the session is free, and its
// head there for all to see, before the client knows.
func (t *turn) pass(ev chat.Event, ended bool) {
	if ev.Kind == chat.EventDone {
		t.cut = t.cut || ev.Cut || !ended
		if ended {
			t.final = &ev
			return
		}
	}
	t.ready = append(t.ready, ev)
	t.tape.record(ev)
	if ev.Kind == chat.EventDone {
		t.remember()
	}
}

// recover moves the turn from a session that the platform lost to a new one with
// the whole transcript.
func (t *turn) recover() error {
	old, before, was := *t.session, t.before, t.stored
	if t.stream != nil {
		t.stream.Close()
		t.stream = nil
	}
	t.recovered, t.sent, t.why = true, false, telemetry.ReplayLost
	t.resumed = nil // what it would have read is lost
	if err := t.placeWhole(t.scope(), false); err != nil {
		if was {
			t.putBack(before)
		}
		return err
	}
	switch {
	case was && before.State == StateRetired:
		t.putBack(before) // another session has its place already
	case was:
		t.instead = &replaced{before, StateLost, old.Made}
	}
	t.log.InfoContext(t.life, "lost session replaced", telemetry.KeyReplaced, old.ID,
		telemetry.KeySession, t.session.ID, telemetry.KeyPlacement, t.where.Load().placement)
	return nil
}

// detach finishes the turn without its client.
func (t *turn) detach() {
	t.presence.bound(t)
	go func() {
		for !t.over {
			t.ready = t.ready[:0]
			if t.step() != nil {
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

// leaseLost is for a turn that was away for so long that others may have gone on
// without it.
func leaseLost() *chat.Error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable, NotAsked: true, RetryAfter: time.Second,
		Message: "The server was held up before the question was sent. Try again.",
	}
}
