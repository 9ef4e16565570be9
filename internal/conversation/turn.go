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
	engine      *Engine
	input       Question
	request     *chat.Request
	history     transcript // of the request
	token       Token
	fingerprint Hash            // the request's fingerprint
	clientCtx   context.Context // the client's interest, until the question is sent or the engine aborts
	turnCtx     context.Context // the turn's own, which outlives the client
	cancelTurn  context.CancelCauseFunc
	logger      *slog.Logger
	started     time.Time

	placed   atomic.Pointer[placed] // of session, for readers on other goroutines
	session  *Session               // taken; what it is to be is written here
	original Session                // as it was when it was taken
	isStored bool                   // the session is in the store, under token
	// maybeStored says that nobody knows whether the session is in the store.
	maybeStored    bool
	question       string                 // what is sent
	preambleDigest Hash                   // digest of what is told in front of the text; zero for nothing
	taking         Taking                 // what the session is taken for
	nextHead       Hash                   // lineage of what the session holds once text is there; zero: not known
	replayReason   telemetry.ReplayReason // of a replay, for the metrics
	createdSession int64                  // the session that this turn made last; 0 for none
	binding        *NameBinding           // the name that means the session once it has answered
	releases       []func()               // what was taken in this process, in that order
	claimedName    *NameKey               // the name was taken and means nothing yet
	resumed        *resumption            // of an interrupted turn; nil for one that is asked
	replaces       *replacedSession       // the session whose place this one takes once it has answered; may be nil
	replacing      *Replacement           // what the turn's end replaces; nil for nothing

	stream            chat.Stream   // the answer under way; nil before the question
	isSent            bool          // a question may have reached the platform
	answeredQuestions int           // questions that have an answer in the session by now
	isRecovered       bool          // a lost session was replaced already
	isSide            bool          // a side task: its session is thrown away
	isDiscovered      bool          // its session was read from the platform in this turn
	isCut             bool          // the client's answer ended before the platform's
	isForged          bool          // it was cut where the model imitates the replay framing
	scaffold          *answerFilter // of the answer under way; nil before its first event
	finalEvent        *chat.Event   // the client's EventDone, held back until all is saved
	ready             []chat.Event  // for the client, not taken yet
	isOver            bool

	recording   recording
	clientState clientState
	releaseAll  func() // gives back what this process holds
}

type placed struct {
	session   int64
	placement chat.Placement
}

// newTurn begins a turn for a request that is asked, and no other answers.
func (e *Engine) newTurn(ctx context.Context, q Question, token Token, print Hash) *turn {
	// Values go along (the request id, for the logs); cancellation does not.
	life, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	client, leave := context.WithCancelCause(ctx)
	abort := func() {
		leave(context.Cause(e.lifeCtx))
		kill(context.Cause(e.lifeCtx))
	}
	stop := context.AfterFunc(e.lifeCtx, abort)
	if e.lifeCtx.Err() != nil {
		abort() // at once, not when its goroutine comes round
	}
	t := &turn{
		engine: e, input: q, request: q.Request, token: token, fingerprint: print,
		clientCtx: client, turnCtx: life, cancelTurn: kill, logger: e.Logger, started: time.Now(), replayReason: telemetry.ReplayHistory,
	}
	t.history = readTranscript(q.Request.Transcript())
	setCallSeed(q.Shaper, token)
	t.isSide = !e.KeepSideTasks && isSideTask(q.Request)
	t.clientState.keyed = t.keyed()
	if q.Request.Hold != nil {
		t.releases = append(t.releases, q.Request.Hold())
	}
	t.releaseAll = sync.OnceFunc(func() {
		for _, release := range slices.Backward(t.releases) {
			release()
		}
		if t.stream != nil {
			t.stream.Close()
		}
		e.leases.drop(token)
		e.liveTurns.Delete(token)
		t.clientState.stopTimer()
		stop()
		leave(nil)
		kill(nil)
		e.inFlight.add(-1)
	})
	e.inFlight.add(1)
	e.liveTurns.Store(token, t)
	return t
}

func (t *turn) keyed() bool { return t.request.IdempotencyKey != "" }

// setPlaced records where the turn is placed.
func (t *turn) setPlaced(p chat.Placement, text string) {
	t.writeQuestion(text)
	t.placed.Store(&placed{t.session.ID, p})
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
			t.logger.ErrorContext(t.turnCtx, "a turn panicked", telemetry.KeyError, err)
			t.fail(err)
		}
	}()
	return t.nextEvent()
}

// nextEvent is step, unless it panics.
func (t *turn) nextEvent() error {
	ev, err := t.nextPlatformEvent()
	for isLost(err) && t.answeredQuestions == 0 && len(t.recording.segments) == 0 && !t.isRecovered && t.replaces == nil {
		if err = t.recover(); err == nil {
			ev, err = t.nextPlatformEvent()
		}
	}
	if isLost(err) {
		err = lostError(err)
	}
	if err == nil {
		err = t.shape(ev)
	}
	if err != nil {
		t.fail(err)
	}
	return err
}

// nextPlatformEvent takes one step of the platform's answer.
func (t *turn) nextPlatformEvent() (chat.Event, error) {
	if t.stream != nil {
		return t.stream.Next()
	}
	if t.clientCtx.Err() != nil && !t.isRecovered && t.answeredQuestions == 0 {
		return chat.Event{}, context.Cause(t.clientCtx) // nobody waits any more: not asked
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
	if t.clientCtx.Err() != nil && !t.isSent && !t.isRecovered {
		return chat.Event{}, context.Cause(t.clientCtx) // it left while the records were read
	}
	if t.isStored && !t.engine.leases.held(t.token) {
		return chat.Event{}, leaseError()
	}
	if t.answeredQuestions == 0 {
		t.noteTools()
	}
	t.isSent = true
	stream, err := t.engine.Platform.Ask(t.turnCtx, chat.Question{
		Session: t.session.ID, Text: t.question, ReasoningEffort: t.request.ReasoningEffort,
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
		t.answeredQuestions++
	}
	switch {
	case t.isCut && ended:
		t.finish(ev)
		return nil
	case t.isCut:
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
		if _, err := t.applyShaper(held, false); err != nil {
			return err
		}
	}
	if !isLeft {
		return nil
	}
	repair, err := t.applyShaper(ev, ended)
	switch {
	case err != nil:
		return err
	case repair != "":
		t.stream.Close()
		t.stream, t.question = nil, repair
		return nil
	}
	switch {
	case ended && t.finalEvent == nil && !t.isCut:
		return errors.New("the answer was shaped without an end")
	case ended:
		t.finish(ev)
	}
	return nil
}

// applyShaper has the Shaper make the client's events of one.
func (t *turn) applyShaper(ev chat.Event, ended bool) (repair string, err error) {
	if t.input.Shaper == nil {
		t.emit(ev, ended)
		return "", nil
	}
	return t.input.Shaper.Shape(ev, func(out chat.Event) { t.emit(out, ended) })
}

// emit gives the client an event. An EventDone that the platform has not said yet
// is a cut. One that it has waits for finish, so that the session is free, and its
// head there for all to see, before the client knows.
func (t *turn) emit(ev chat.Event, ended bool) {
	if ev.Kind == chat.EventDone {
		t.isCut = t.isCut || ev.Cut || !ended
		if ended {
			t.finalEvent = &ev
			return
		}
	}
	t.ready = append(t.ready, ev)
	t.recording.record(ev)
	if ev.Kind == chat.EventDone {
		t.remember()
	}
}

// recover moves the turn from a session that the platform lost to a new one with
// the whole transcript.
func (t *turn) recover() error {
	old, before, was := *t.session, t.original, t.isStored
	if t.stream != nil {
		t.stream.Close()
		t.stream = nil
	}
	t.isRecovered, t.isSent, t.replayReason = true, false, telemetry.ReplayLost
	t.resumed = nil // what it would have read is lost
	if err := t.placeWhole(t.scope(), false); err != nil {
		if was {
			t.returnSession(before)
		}
		return err
	}
	switch {
	case was && before.State == StateRetired:
		t.returnSession(before) // another session has its place already
	case was:
		t.replaces = &replacedSession{before, StateLost, old.Made}
	}
	t.logger.InfoContext(t.turnCtx, "lost session replaced", telemetry.KeyReplaced, old.ID,
		telemetry.KeySession, t.session.ID, telemetry.KeyPlacement, t.placed.Load().placement)
	return nil
}

// detach finishes the turn without its client.
func (t *turn) detach() {
	t.clientState.limitDetached(t)
	go func() {
		for !t.isOver {
			t.ready = t.ready[:0]
			if t.step() != nil {
				return
			}
		}
	}()
}

func isLost(err error) bool { return err != nil && chat.AsError(err).SessionLost }

// lostError is what a client is told when a session was lost and could not be
// replaced: by then it is no longer about the session the client named.
func lostError(cause error) *chat.Error {
	return &chat.Error{
		Kind: chat.KindBackend, Code: chat.CodeBackendError, Cause: cause, EndSeen: true,
		Message: "The platform lost the session while it was in use. Try again.",
	}
}

// leaseError is for a turn that was away for so long that others may have gone on
// without it.
func leaseError() *chat.Error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable, NotAsked: true, RetryAfter: time.Second,
		Message: "The server was held up before the question was sent. Try again.",
	}
}
