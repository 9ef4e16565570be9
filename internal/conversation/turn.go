package conversation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// turn is one question and its answer: from its placement to the end of the answer, with the
// repairs. One goroutine drives it at a time: the client's, and after detach a goroutine of its
// own.
type turn struct {
	engine      *Engine
	input       Question
	request     *chat.Request
	usual       usualReading // of the request's transcript
	token       Token
	fingerprint Hash                    // of the request
	clientCtx   context.Context         // ends when the client leaves or the engine aborts
	cancelWait  context.CancelCauseFunc // ends clientCtx
	turnCtx     context.Context         // continues when the client leaves
	cancelTurn  context.CancelCauseFunc
	valueCtx    context.Context // has the values of the others and never ends
	logger      *slog.Logger
	started     time.Time
	isSideTask  bool // its session is deleted after the turn
	// instructions and tools are digests of those of the request.
	instructions, tools Hash

	placement // the session that answers
	answering // what it is asked, and what the client gets

	recording   *recording // outlives the turn, so it is no part of it: see endedAnswers
	clientState clientState
	releaseOnce sync.Once
}

// answering is what a turn asks and how far its answer is.
type answering struct {
	content        chat.Content // what is new
	question       string       // the text that is sent: content, with what stands in front of it
	files          []chat.File  // that are sent with it
	preambleDigest Hash         // digest of the preamble in question; zero for none

	stream            chat.Stream     // the answer under way; nil before the question
	isSent            bool            // a question may have reached the platform
	answeredQuestions int             // questions of the turn that the session has answers to
	isCut             bool            // the client's answer ended before the platform's
	isForged          bool            // the answer was cut where the model imitates the replay framing
	scaffold          *scaffoldEvents // for the answer under way; nil before its first event
	finalEvent        *chat.Event     // the client's EventDone, held back until the commit
	ready             eventQueue      // events that the client has not taken yet
	isOver            bool

	isLastEvent bool             // the event that is shaped is the last of the platform's answer
	pass        func(chat.Event) // emit, for the Shaper
}

// isAnswered reports whether the last question has been answered to its end, so that nothing more
// comes into the session.
func (a *answering) isAnswered() bool { return a.answeredQuestions > 0 && a.stream == nil }

// newTurn begins a turn for a request that no other turn answers.
func (e *Engine) newTurn(ctx context.Context, q Question, usual usualReading, token Token, request Hash) *turn {
	t := &turn{
		engine: e, input: q, request: q.Request, usual: usual, token: token, fingerprint: request,
		recording: new(recording),
		valueCtx:  context.WithoutCancel(ctx), logger: e.opts.Logger, started: time.Now(),
		placement:    placement{replayReason: telemetry.ReplayHistory},
		instructions: instructionsDigest(q.Request), tools: toolsDigest(q.Request),
	}
	t.clientCtx, t.cancelWait = context.WithCancelCause(ctx)
	// The turn keeps the values of ctx (the request id, for the logs), but not its end.
	t.turnCtx, t.cancelTurn = context.WithCancelCause(t.valueCtx)
	t.pass = t.emit
	e.setCallSeed(q.Shaper, token)
	t.isSideTask = q.Request.Draws || !e.opts.KeepSideTasks && isSideTask(q.Request)
	t.clientState.hasKey = t.hasKey()
	if q.Request.Hold != nil {
		t.releases = append(t.releases, q.Request.Hold())
	}
	e.inFlight.Add()
	e.liveTurns.Store(token, t)
	if e.lifeCtx.Err() != nil {
		t.abort(context.Cause(e.lifeCtx)) // Abort may not have seen it
	}
	return t
}

// abort ends the turn for its client and for the engine.
func (t *turn) abort(cause error) {
	t.cancelWait(cause)
	t.cancelTurn(cause)
}

// releaseAll releases, once, what the turn holds in this process.
func (t *turn) releaseAll() {
	t.releaseOnce.Do(func() {
		for _, release := range slices.Backward(t.releases) {
			release()
		}
		if t.stream != nil {
			t.stream.Close()
		}
		t.engine.leases.drop(t.token)
		t.engine.liveTurns.Delete(t.token)
		t.clientState.stopTimer()
		t.abort(nil)
		t.engine.inFlight.Done()
	})
}

func (t *turn) hasKey() bool { return t.request.IdempotencyKey != "" }

// next returns the next event of the client's answer, and asks the question first. It must not be
// called again after an error or EventDone.
func (t *turn) next() (chat.Event, error) {
	for t.ready.isEmpty() {
		if err := t.step(); err != nil {
			return chat.Event{}, err
		}
	}
	return t.ready.take(), nil
}

// step reads one event of the platform's answer and makes the client's events of it. An error has
// ended the turn. So has a panic: neither may the session stay taken, nor may the other turns end
// with the process.
func (t *turn) step() (err error) {
	defer func() {
		if v := recover(); v != nil {
			t.engine.opts.Metrics.Panicked()
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			t.logger.ErrorContext(t.turnCtx, "a turn panicked", telemetry.KeyError, err)
			t.fail(err)
		}
	}()
	return t.nextEvent()
}

// nextEvent is step without the recovery from a panic.
func (t *turn) nextEvent() error {
	ev, err := t.nextPlatformEvent()
	hasOutput := t.answeredQuestions > 0 || len(t.recording.segments) > 0
	for isLost(err) && !hasOutput && !t.isRecovered && t.replaces == nil {
		if err = t.replaceLost(); err == nil {
			ev, err = t.nextPlatformEvent()
		}
	}
	if isLost(err) {
		err = lostError(err)
	}
	if isTextRefused(err) && !hasOutput && len(t.files) == 0 {
		if err = t.askAsFile(); err == nil {
			ev, err = t.nextPlatformEvent()
		}
	}
	if err == nil {
		err = t.shape(ev)
	}
	if err != nil {
		t.addTokens(chat.AsError(err))
		t.fail(err)
	}
	return err
}

// nextPlatformEvent returns the next event of the platform's answer, and asks the question first.
func (t *turn) nextPlatformEvent() (chat.Event, error) {
	if t.stream != nil {
		return t.stream.Next()
	}
	if t.clientCtx.Err() != nil && !t.isRecovered && t.answeredQuestions == 0 {
		return chat.Event{}, context.Cause(t.clientCtx) // no client waits any more, so the question is not asked
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
		return chat.Event{}, context.Cause(t.clientCtx) // the client left while the records were read
	}
	if t.isStored && !t.engine.leases.isHeld(t.token) {
		return chat.Event{}, leaseError()
	}
	if t.answeredQuestions == 0 {
		t.tellShaperOfTools()
	}
	t.isSent = true
	stream, err := t.engine.opts.Platform.Ask(t.turnCtx, chat.Question{
		Session: t.session.ID, Text: t.question, Files: t.files, ReasoningEffort: t.request.ReasoningEffort,
		Thinking: t.request.Thinking, WebSearch: t.request.WebSearch,
		Draws: t.input.Draws, TakeMemory: t.request.TakeMemory,
	})
	if err != nil {
		return chat.Event{}, err
	}
	t.stream = stream
	return stream.Next()
}

// shape makes the client's events of an event of the platform.
func (t *turn) shape(ev chat.Event) error {
	ended := ev.Kind == chat.EventDone
	if ended {
		t.answeredQuestions++
		t.engine.opts.Metrics.PointsSpent(t.request.Model, ev.Usage.Points)
	}
	switch {
	case t.isCut && ended:
		t.finish(ev)
		return nil
	case t.isCut:
		return nil // the client's answer has ended already
	}
	if t.scaffold == nil {
		t.scaffold = newScaffoldEvents(t.request.Messages)
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
		t.stream, t.question, t.files = nil, repair, nil
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

// applyShaper passes an event through the Shaper. isEnd says that it is the last of the
// platform's answer.
func (t *turn) applyShaper(ev chat.Event, isEnd bool) (repair string, err error) {
	t.isLastEvent = isEnd
	if t.input.Shaper == nil {
		t.emit(ev)
		return "", nil
	}
	return t.input.Shaper.Shape(ev, t.pass)
}

// emit gives the client an event. An EventDone before the end of the platform's answer cuts the
// answer. An EventDone at the end waits for finish, so that the session is free and its head is
// committed before the client knows.
func (t *turn) emit(ev chat.Event) {
	if ev.Kind == chat.EventDone {
		t.isCut = t.isCut || ev.Cut || !t.isLastEvent
		if t.isLastEvent {
			final := ev // only this copy is on the heap
			t.finalEvent = &final
			return
		}
	}
	t.ready.add(ev)
	t.recording.record(ev)
	if ev.Kind == chat.EventDone {
		t.keepAnswer()
	}
}

// detach finishes the turn without its client.
func (t *turn) detach() {
	t.clientState.limitDetachedTurn(t)
	go func() {
		for !t.isOver {
			t.ready.clear()
			if t.step() != nil {
				return
			}
		}
	}()
}

func isLost(err error) bool { return err != nil && chat.AsError(err).SessionLost }

// lostError is the client's error when a session was lost and could not be replaced. It does not
// name the session, which may not be the one that the client sent.
func lostError(cause error) *chat.Error {
	return &chat.Error{
		Kind: chat.KindBackend, Code: chat.CodeBackendError, Cause: cause, EndSeen: true,
		Message: "The platform lost the session while it was in use. Try again.",
	}
}

// leaseError is the error of a turn that was paused for so long that its lease may have expired.
func leaseError() *chat.Error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable, NotAsked: true, RetryAfter: time.Second,
		Message: "The server was held up before the question was sent. Try again.",
	}
}
