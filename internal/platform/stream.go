package platform

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/sse"
)

const (
	maxFrameBytes  = 64 << 20 // bytes of one event; the record repeats question and answer
	maxAnswerBytes = 16 << 20 // bytes of a whole answer
	// The longest answers known have 130,000 tokens, of which each takes a frame of
	// about 80 bytes at the most; then the record. Beyond these bounds a reply is no
	// answer, but something that would keep a core busy for ever.
	maxStreamBytes = 256 << 20
	maxFrames      = 2_000_000
	// maxIdleFrames is how many frames may come in a row that bring nothing of the
	// answer: empty ones, logs of plugins, kinds that nobody knows.
	maxIdleFrames = 10_000
	// maxIdleBytes is how many bytes may come in which no part of the answer is. One
	// frame, the record, may be long and bring the answer at its end.
	maxIdleBytes = maxFrameBytes + 1<<20
)

// stream is an answer under way. It implements chat.Stream. How it ends is in
// ending.go.
type stream struct {
	client   *Client
	deadline *deadline
	call     *observedCall
	body     io.ReadCloser
	frames   *sse.Reader
	budget   *replyBudget
	started  time.Time

	// The answer as it was streamed, tags included. All texts that are passed on
	// are parts of it, so that none is copied.
	answer   strings.Builder
	joiner   runeJoiner
	heldText brokenText
	splitter thinkSplitter
	scratch  []byte
	record   record
	hasBegun bool // something of the answer has come

	// What Next returns before it reads on.
	reasoning, text string
	needsPause      bool        // something was returned since the last pause
	done            *chat.Event // the end of an answer that is whole
	fault           *chat.Error // the end of any other

	isDrainable bool // the reply is as good as over, so it is read to its end
	isClosed    bool
}

func (c *Client) newStream(d *deadline, o *observedCall, body io.ReadCloser) *stream {
	b := &replyBudget{r: body}
	return &stream{client: c, deadline: d, call: o, body: body, frames: sse.NewReader(b, maxFrameBytes), budget: b, started: time.Now()}
}

// Next returns the next event. See chat.Stream.
func (s *stream) Next() (chat.Event, error) {
	for {
		switch {
		case s.reasoning != "":
			ev := chat.Event{Kind: chat.EventReasoning, Text: s.reasoning}
			s.reasoning, s.needsPause = "", true
			return ev, nil
		case s.text != "":
			ev := chat.Event{Kind: chat.EventText, Text: s.text}
			s.text, s.needsPause = "", true
			return ev, nil
		case s.done != nil:
			return *s.done, nil
		case s.fault != nil:
			return chat.Event{}, s.fault
		}
		ready := s.frames.Ready()
		if !ready && s.needsPause {
			s.needsPause = false
			return chat.Event{Kind: chat.EventPause}, nil
		}
		if payload, err := s.readPayload(ready); err != nil {
			s.endEarly(err)
		} else {
			s.takePayload(payload)
		}
	}
}

// readPayload returns the payload of the next frame. The clock runs while the platform is
// waited for, not while the caller is busy; for the first piece of the answer it has
// run since the question was sent.
func (s *stream) readPayload(ready bool) ([]byte, error) {
	if !ready {
		s.deadline.resumeWait()
	}
	payload, err := s.frames.Next()
	s.deadline.pauseWait()
	if err == nil {
		err = s.budget.takeFrame()
	}
	return payload, err
}

// noteProgress notes that something of the answer came: only that lets the platform have
// more time. From the record on there is none to be had.
func (s *stream) noteProgress() {
	s.budget.resetIdle()
	if !s.hasBegun {
		s.hasBegun = true
		s.call.span.Began()
	}
	if !s.record.received {
		s.deadline.setNextWait(s.client.idleTimeout)
	}
}

// takePayload takes one frame into the answer.
func (s *stream) takePayload(payload []byte) {
	delta, scratch, ok := decodeDelta(payload, s.scratch)
	s.scratch = scratch
	if ok {
		s.addDelta(delta, true)
		return
	}
	if bytes.Equal(bytes.TrimSpace(payload), terminator) {
		s.takeTerminator()
		return
	}
	f, err := decodeFrame(payload)
	if err != nil {
		s.client.log.LogAttrs(s.deadline.ctx, slog.LevelDebug, "platform sent a frame that is no JSON")
		return
	}
	switch f.kind {
	case frameDelta:
		s.addDelta(f.delta, false)
	case frameObject:
		if f.object.AIText != nil && !s.record.received {
			s.noteProgress()
			s.deadline.setNextWait(min(s.client.idleTimeout, maxEndWait))
		}
		s.record.merge(f.object)
	case frameError:
		s.endWithError(f.code, f.message)
	}
}

// addDelta adds a piece to the answer and takes out what of it can be passed on. valid
// says that the piece is known to be UTF-8 without half characters.
func (s *stream) addDelta(delta []byte, valid bool) {
	if len(delta) == 0 {
		return
	}
	s.noteProgress()
	if s.answer.Len()+len(delta) > maxAnswerBytes {
		s.fault = failed.withCause(fmt.Errorf("the answer is longer than %d bytes", maxAnswerBytes))
		return
	}
	s.joiner.add(&s.answer, delta, valid)
	s.reasoning, s.text = s.splitter.split(s.heldText.release(s.answer.String()), false)
}
