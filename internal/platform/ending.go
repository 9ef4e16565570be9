package platform

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/sse"
	"achuan/internal/telemetry"
)

const (
	maxEndWait   = 5 * time.Second // from the record to the terminator, which should follow at once
	maxTailWait  = time.Second     // from the terminator to the end of the reply
	maxTailBytes = 64 << 10
)

// terminator is the payload that ends an answer.
var terminator = []byte("[DONE]")

// record is what the platform stored of an answer.
type record struct {
	received         bool // the platform sent the record, so the answer is whole
	answer           string
	isStopped        bool // the account's owner stopped the answer on the platform's site
	promptTokens     int
	completionTokens int
	points           int
	hasPoints        bool
}

// merge copies the fields that a frame has into the record.
func (r *record) merge(f recordFrame) {
	if f.AIText != nil {
		r.received, r.answer = true, string(*f.AIText)
	}
	if f.UserStop != nil {
		r.isStopped = bool(*f.UserStop)
	}
	if f.PromptTokens != nil {
		r.promptTokens = f.PromptTokens.count()
	}
	if f.CompletionTokens != nil {
		r.completionTokens = f.CompletionTokens.count()
	}
	if f.DeductCount != nil {
		r.points, r.hasPoints = f.DeductCount.count(), true
	}
}

// usage returns the record's token counts and points. Two zeros mean that the platform counted no
// tokens.
func (r *record) usage() chat.Usage {
	u := chat.Usage{Points: r.points, HasPoints: r.hasPoints}
	if !r.received || r.promptTokens == 0 && r.completionTokens == 0 {
		u.Estimated = true
		return u
	}
	u.PromptTokens, u.CompletionTokens = r.promptTokens, r.completionTokens
	return u
}

// takeTerminator ends the answer at the platform's terminator.
func (s *stream) takeTerminator() {
	s.isDrainable = true
	if s.record.received || s.answer.Len() > 0 {
		s.endComplete()
		return
	}
	s.fault = truncated.withCause(errors.New("the stream ended without an answer"))
	s.fault.EndSeen = true
}

// endEarly ends the answer when nothing more can be read. The answer is whole if its record has
// come.
func (s *stream) endEarly(err error) {
	if s.record.received {
		s.endComplete()
		return
	}
	s.fault = interruptionError(s.deadline.ctx)
	memoryErr, isMemory := errors.AsType[*chat.Error](err)
	switch {
	case s.fault != nil:
	case isMemory:
		s.fault = memoryErr
	case errors.Is(err, errFlood):
		s.fault = flooded.withCause(err)
	case errors.Is(err, sse.ErrTooLong):
		s.fault = failed.withCause(fmt.Errorf("an event is longer than %d bytes", maxFrameBytes))
	default:
		s.fault = truncated.withCause(err)
	}
}

// endWithError ends the answer with an error that the platform sent.
func (s *stream) endWithError(code integer, message string) {
	f := classify(code, message)
	isFirst := s.answer.Len() == 0 && !s.record.received // nothing of an answer came before
	s.fault = f.withCause(fmt.Errorf("frame with code %d: %s", code, s.client.cleanText(message)))
	addTokens(s.fault, message)
	s.fault.NotAsked = f.isRefusal && isFirst
	s.fault.SessionLost = f.isSessionLost && isFirst
	s.fault.EndSeen = true
}

// endComplete ends a whole answer. It first passes on what the platform stored but did not stream.
func (s *stream) endComplete() {
	if s.record.isStopped {
		s.fault = truncated.withCause(errors.New("the answer was stopped elsewhere"))
		s.fault.EndSeen = true
		return
	}
	ev := chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: s.record.usage()}
	if s.record.received {
		ev.Diverged = !s.adoptStored(s.record.answer)
	} else {
		s.joiner.flush(&s.answer)
	}
	s.frames.Release() // nothing more is read, and the record's buffer is large
	s.record.answer = ""
	ev.Stored = s.answer.String()
	s.reasoning, s.text = s.splitter.split(ev.Stored, true)
	s.done = &ev
	s.deadline.unfollowCaller()
}

// adoptStored replaces the streamed answer by the stored one if the client can still get it. That
// is so if the stored answer begins with what the client has, and differs from the streamed one
// only in characters that were broken on the way.
func (s *stream) adoptStored(stored string) bool {
	streamed := s.answer.String()
	if missing, extends := strings.CutPrefix(stored, streamed); extends {
		s.answer.WriteString(missing)
		return true
	}
	passed, held := s.heldText.split(streamed)
	rest, begins := strings.CutPrefix(stored, passed)
	if !begins || !matchesBroken(rest, held) {
		return false
	}
	s.answer = strings.Builder{}
	s.answer.WriteString(stored)
	return true
}

// finishReason says for the log why the stream ended.
func (s *stream) finishReason() string {
	switch {
	case s.done != nil:
		return string(s.done.Finish)
	case s.fault != nil:
		return string(s.fault.Code)
	}
	return "given up"
}

// outcome returns the result of the call for the metrics.
func (s *stream) outcome() string {
	if s.done != nil {
		return telemetry.OutcomeOK
	}
	if s.fault == nil {
		return telemetry.OutcomeGivenUp
	}
	return outcome(s.fault)
}

// Close ends the stream. After a whole answer it reads the rest of the reply in the background, so
// that the connection can be reused.
func (s *stream) Close() error {
	if s.isClosed {
		return nil
	}
	s.isClosed = true
	s.frames.Release()
	if s.done != nil {
		s.call.span.SetUsage(s.done.Usage.PromptTokens, s.done.Usage.CompletionTokens, s.done.Usage.Estimated)
		s.call.span.SetFinishReason(string(s.done.Finish))
	}
	s.call.end(s.outcome())
	s.client.log.LogAttrs(s.deadline.ctx, slog.LevelDebug, "platform stream closed",
		slog.String(telemetry.KeyFinish, s.finishReason()), slog.Duration(telemetry.KeyDuration, time.Since(s.started)))
	if !s.isDrainable {
		s.deadline.stop()
		return s.body.Close()
	}
	s.deadline.startWait(maxTailWait)
	go func() {
		defer s.deadline.stop()
		defer s.body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(s.body, maxTailBytes))
	}()
	return nil
}
