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
	maxFrameBytes  = 64 << 20 // bytes of one event; the record repeats the question and the answer
	maxAnswerBytes = 16 << 20 // bytes of a whole answer
	// The longest known answers have 130,000 tokens, each in a frame of at most about 80 bytes,
	// and then the record. A reply beyond these limits is no answer, and would keep a processor
	// busy forever.
	maxStreamBytes = 256 << 20
	maxFrames      = 2_000_000
	// maxIdleFrames limits the successive frames without a part of the answer: empty frames, logs
	// of plugins, and unknown kinds.
	maxIdleFrames = 10_000
	// maxIdleBytes limits the successive bytes without a part of the answer. One frame, the
	// record, may be long and have the answer at its end.
	maxIdleBytes = maxFrameBytes + 1<<20
)

// stream is an answer in progress. It implements chat.Stream. ending.go has the ways in which it
// ends.
type stream struct {
	client   *Client
	deadline *deadline
	call     *observedCall
	body     io.ReadCloser
	frames   *sse.Reader
	budget   *replyBudget
	memory   chat.MemoryCount
	started  time.Time
	// idleTimeout limits the silence between two parts of the answer.
	idleTimeout time.Duration

	// answer is the streamed answer with its tags. All texts that are passed on are parts of it,
	// so that none is copied.
	answer   strings.Builder
	joiner   runeJoiner
	heldText brokenText
	splitter thinkSplitter
	scratch  []byte
	record   record
	// frameBytes is the size of the largest buffer for a frame so far.
	frameBytes int
	hasBegun   bool // a part of the answer has come

	// Next returns these before it reads the next frame.
	reasoning, text string
	needsPause      bool        // Next has returned text since the last pause
	done            *chat.Event // the end of a whole answer
	fault           *chat.Error // the end of any other answer

	isDrainable bool // the reply is nearly over, so Close reads it to its end
	isClosed    bool
}

func (c *Client) newStream(d *deadline, o *observedCall, body io.ReadCloser) *stream {
	b := &replyBudget{r: body}
	s := &stream{
		client: c, deadline: d, call: o, body: body,
		frames: sse.NewReader(b, maxFrameBytes), budget: b, started: time.Now(), idleTimeout: c.idleTimeout,
	}
	s.frames.NotifyGrowth(s.takeFrameMemory)
	return s
}

// The memory that a reply takes, as multiples of its bytes: a little more than was measured with
// answers of 16 MB.
const (
	answerCost = 6 // of the answer: here, in the turn's recording, and while it is stored
	frameCost  = 2 // of the buffer for a long frame: the buffer, and what is decoded of the frame
)

// takeFrameMemory takes the memory for a frame that needs a buffer of that size. The wait for it
// is not spent waiting for the platform.
func (s *stream) takeFrameMemory(size int) error {
	more := int64(size - s.frameBytes)
	if more <= 0 {
		return nil
	}
	s.frameBytes = size
	s.deadline.pauseWait()
	defer s.deadline.resumeWait()
	return s.memory.Add(frameCost * more)
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

// readPayload returns the payload of the next frame. The deadline runs while the platform is
// awaited, but not while the caller is busy. For the first piece of the answer it runs from the
// question on.
func (s *stream) readPayload(ready bool) ([]byte, error) {
	if !ready {
		s.deadline.resumeWait()
	}
	payload, err := s.frames.Next()
	if !ready {
		s.deadline.pauseWait()
	}
	if err == nil {
		err = s.budget.takeFrame()
	}
	return payload, err
}

// noteProgress records that a part of the answer came. Only that extends the deadline. After the
// record, nothing extends it.
func (s *stream) noteProgress() {
	s.budget.resetIdle()
	if !s.hasBegun {
		s.hasBegun = true
		s.call.span.AddFirstEvent()
	}
	if !s.record.received {
		s.deadline.setNextWait(s.idleTimeout)
	}
}

// takePayload adds one frame to the answer.
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
			s.deadline.setNextWait(min(s.idleTimeout, maxEndWait))
		}
		s.record.merge(f.object)
	case frameError:
		s.endWithError(f.code, f.message)
	}
}

// addDelta adds a piece to the answer and takes out what can be passed on. valid says that the
// piece is known to be UTF-8 without half a character.
func (s *stream) addDelta(delta []byte, valid bool) {
	if len(delta) == 0 {
		return
	}
	s.noteProgress()
	if s.answer.Len()+len(delta) > maxAnswerBytes {
		s.fault = failed.withCause(fmt.Errorf("the answer is longer than %d bytes", maxAnswerBytes))
		return
	}
	if err := s.memory.Add(answerCost * int64(len(delta))); err != nil {
		s.fault = chat.AsError(err)
		return
	}
	s.joiner.add(&s.answer, delta, valid)
	s.reasoning, s.text = s.splitter.split(s.heldText.release(s.answer.String()), false)
}
