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
	maxEndWait   = 5 * time.Second // from the record to the terminator, which follows at once
	maxTailWait  = time.Second     // from the terminator to the end of the reply
	maxTailBytes = 64 << 10
)

// terminator is the payload that ends an answer.
var terminator = []byte("[DONE]")

// record is what the platform stored of an answer.
type record struct {
	received         bool // it was sent, and with it all of the answer
	answer           string
	isStopped        bool // its owner stopped the answer elsewhere
	promptTokens     int
	completionTokens int
}

// merge takes a record, or some fields of it.
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
}

// usage returns the record's token counts. Two zeros are none.
func (r *record) usage() chat.Usage {
	if !r.received || r.promptTokens == 0 && r.completionTokens == 0 {
		return chat.Usage{Estimated: true}
	}
	return chat.Usage{PromptTokens: r.promptTokens, CompletionTokens: r.completionTokens}
}

// takeTerminator ends the answer at the platform's word.
func (s *stream) takeTerminator() {
	s.isDrainable = true
	if s.record.received || s.answer.Len() > 0 {
		s.endComplete()
		return
	}
	s.fault = truncated.withCause(errors.New("the stream ended without an answer"))
	s.fault.EndSeen = true
}

// endEarly ends the answer where nothing more can be read. What was stored is whole
// all the same.
func (s *stream) endEarly(err error) {
	if s.record.received {
		s.endComplete()
		return
	}
	s.fault = interruptionError(s.deadline.ctx)
	switch {
	case s.fault != nil:
	case errors.Is(err, errFlood):
		s.fault = flooded.withCause(err)
	case errors.Is(err, sse.ErrTooLong):
		s.fault = failed.withCause(fmt.Errorf("an event is longer than %d bytes", maxFrameBytes))
	default:
		s.fault = truncated.withCause(err)
	}
}

// endWithError ends the answer with the platform's own error.
func (s *stream) endWithError(code integer, message string) {
	f := classify(code, message)
	early := s.answer.Len() == 0 && !s.record.received
	s.fault = f.withCause(fmt.Errorf("frame with code %d: %s", code, s.client.cleanText(message)))
	s.fault.NotAsked = f.isRefusal && early
	s.fault.SessionLost = f.isSessionLost && early
	s.fault.EndSeen = true
}

// endComplete ends an answer that is whole. What the platform stored but did not
// stream comes first.
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
	ev.Stored = s.answer.String()
	s.reasoning, s.text = s.splitter.split(ev.Stored, true)
	s.done = &ev
	s.deadline.unfollowCaller()
}

// adoptStored makes the stored answer the answer, if the client can still get it: when it
// begins with what was streamed, or differs only in characters that were torn on the
// way and that the client has not got yet.
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

// finishReason says why the stream ended, for the log.
func (s *stream) finishReason() string {
	switch {
	case s.done != nil:
		return string(s.done.Finish)
	case s.fault != nil:
		return string(s.fault.Code)
	}
	return "given up"
}

// outcome says what the call came to, for the metrics.
func (s *stream) outcome() string {
	if s.done != nil {
		return telemetry.OutcomeOK
	}
	if s.fault == nil {
		return telemetry.OutcomeGivenUp
	}
	return outcome(s.fault)
}

// Close gives the stream up. After a whole answer the rest of the reply, which is
// nothing but its end, is read in the background: the connection can be used again
// then.
func (s *stream) Close() error {
	if s.isClosed {
		return nil
	}
	s.isClosed = true
	if s.done != nil {
		s.call.span.Used(s.done.Usage.PromptTokens, s.done.Usage.CompletionTokens, s.done.Usage.Estimated)
		s.call.span.Finished(string(s.done.Finish))
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
