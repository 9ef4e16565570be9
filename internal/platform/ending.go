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
	longestEnd  = 5 * time.Second // from the record to the terminator, which follows at once
	longestTail = time.Second     // from the terminator to the end of the reply
	tailBytes   = 64 << 10
)

// terminator is the payload that ends an answer.
var terminator = []byte("[DONE]")

// record is what the platform stored of an answer.
type record struct {
	come       bool // it was sent, and with it all of the answer
	answer     string
	stopped    bool // its owner stopped the answer elsewhere
	prompt     int
	completion int
}

// merge takes a record, or some fields of it.
func (r *record) merge(f recordFrame) {
	if f.AIText != nil {
		r.come, r.answer = true, string(*f.AIText)
	}
	if f.UserStop != nil {
		r.stopped = bool(*f.UserStop)
	}
	if f.PromptTokens != nil {
		r.prompt = f.PromptTokens.count()
	}
	if f.CompletionTokens != nil {
		r.completion = f.CompletionTokens.count()
	}
}

// usage returns the record's token counts. Two zeros are none.
func (r *record) usage() chat.Usage {
	if !r.come || r.prompt == 0 && r.completion == 0 {
		return chat.Usage{Estimated: true}
	}
	return chat.Usage{PromptTokens: r.prompt, CompletionTokens: r.completion}
}

// terminate ends the answer at the platform's word.
func (s *stream) terminate() {
	s.lingers = true
	if s.record.come || s.answer.Len() > 0 {
		s.complete()
		return
	}
	s.fault = truncated.because(errors.New("the stream ended without an answer"))
	s.fault.EndSeen = true
}

// cut ends the answer where nothing more can be read. What was stored is whole
// all the same.
func (s *stream) cut(err error) {
	if s.record.come {
		s.complete()
		return
	}
	s.fault = interrupted(s.watch.ctx)
	switch {
	case s.fault != nil:
	case errors.Is(err, errFlood):
		s.fault = flooded.because(err)
	case errors.Is(err, sse.ErrTooLong):
		s.fault = failed.because(fmt.Errorf("an event is longer than %d bytes", longestFrame))
	default:
		s.fault = truncated.because(err)
	}
}

// refuse ends the answer with the platform's own error.
func (s *stream) refuse(code integer, said string) {
	f := classify(code, said)
	early := s.answer.Len() == 0 && !s.record.come
	s.fault = f.because(fmt.Errorf("frame with code %d: %s", code, s.client.clean(said)))
	s.fault.NotAsked = f.refused && early
	s.fault.SessionLost = f.lost && early
	s.fault.EndSeen = true
}

// complete ends an answer that is whole. What the platform stored but did not
// stream comes first.
func (s *stream) complete() {
	if s.record.stopped {
		s.fault = truncated.because(errors.New("the answer was stopped elsewhere"))
		s.fault.EndSeen = true
		return
	}
	ev := chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: s.record.usage()}
	if s.record.come {
		ev.Diverged = !s.adopt(s.record.answer)
	} else {
		s.joiner.flush(&s.answer)
	}
	ev.Stored = s.answer.String()
	s.reasoning, s.text = s.think.split(ev.Stored, true)
	s.done = &ev
	s.watch.leave()
}

// adopt makes the stored answer the answer, if the client can still get it: when it
// begins with what was streamed, or differs only in characters that were torn on the
// way and that the client has not got yet.
func (s *stream) adopt(stored string) bool {
	streamed := s.answer.String()
	if missing, extends := strings.CutPrefix(stored, streamed); extends {
		s.answer.WriteString(missing)
		return true
	}
	passed, held := s.held.cut(streamed)
	rest, begins := strings.CutPrefix(stored, passed)
	if !begins || !mends(rest, held) {
		return false
	}
	s.answer = strings.Builder{}
	s.answer.WriteString(stored)
	return true
}

// finish says why the stream ended, for the log.
func (s *stream) finish() string {
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
	if s.closed {
		return nil
	}
	s.closed = true
	if s.done != nil {
		s.call.span.Used(s.done.Usage.PromptTokens, s.done.Usage.CompletionTokens, s.done.Usage.Estimated)
		s.call.span.Finished(string(s.done.Finish))
	}
	s.call.end(s.outcome())
	s.client.log.LogAttrs(s.watch.ctx, slog.LevelDebug, "platform stream closed",
		slog.String(telemetry.KeyFinish, s.finish()), slog.Duration(telemetry.KeyDuration, time.Since(s.started)))
	if !s.lingers {
		s.watch.stop()
		return s.body.Close()
	}
	s.watch.wait(longestTail)
	go func() {
		defer s.watch.stop()
		defer s.body.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(s.body, tailBytes))
	}()
	return nil
}
