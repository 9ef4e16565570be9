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
	longestFrame  = 64 << 20 // bytes of one event; the record repeats question and answer
	longestAnswer = 16 << 20 // bytes of a whole answer
	// The longest answers known have 130,000 tokens, of which each takes a frame of
	// about 80 bytes at the most; then the record. Beyond these bounds a reply is no
	// answer, but something that would keep a core busy for ever.
	maxReplyBytes = 256 << 20
	maxFrames     = 2_000_000
	// maxIdleFrames is how many frames may come in a row that bring nothing of the
	// answer: empty ones, logs of plugins, kinds that nobody knows.
	maxIdleFrames = 10_000
	// maxIdleBytes is how many bytes may come in which no part of the answer is. One
	// frame, the record, may be long and bring the answer at its end.
	maxIdleBytes = longestFrame + 1<<20
)

// stream is an answer under way. It implements chat.Stream. How it ends is in
// ending.go.
type stream struct {
	client  *Client
	watch   *watch
	call    *observed
	body    io.ReadCloser
	frames  *sse.Reader
	budget  *replyBudget
	started time.Time

	// The answer as it was streamed, tags included. All texts that are passed on
	// are parts of it, so that none is copied.
	answer  strings.Builder
	joiner  runeJoiner
	held    heldBack
	think   thinkSplitter
	scratch []byte
	record  record
	begun   bool // something of the answer has come

	// What Next returns before it reads on.
	reasoning, text string
	unflushed       bool        // something was returned since the last pause
	done            *chat.Event // the end of an answer that is whole
	fault           *chat.Error // the end of any other

	lingers bool // the reply is as good as over, so it is read to its end
	closed  bool
}

func (c *Client) newStream(w *watch, o *observed, body io.ReadCloser) *stream {
	b := &replyBudget{r: body}
	return &stream{client: c, watch: w, call: o, body: body, frames: sse.NewReader(b, longestFrame), budget: b, started: time.Now()}
}

// Next returns the next event. See chat.Stream.
func (s *stream) Next() (chat.Event, error) {
	for {
		switch {
		case s.reasoning != "":
			ev := chat.Event{Kind: chat.EventReasoning, Text: s.reasoning}
			s.reasoning, s.unflushed = "", true
			return ev, nil
		case s.text != "":
			ev := chat.Event{Kind: chat.EventText, Text: s.text}
			s.text, s.unflushed = "", true
			return ev, nil
		case s.done != nil:
			return *s.done, nil
		case s.fault != nil:
			return chat.Event{}, s.fault
		}
		ready := s.frames.Ready()
		if !ready && s.unflushed {
			s.unflushed = false
			return chat.Event{Kind: chat.EventPause}, nil
		}
		if payload, err := s.read(ready); err != nil {
			s.cut(err)
		} else {
			s.take(payload)
		}
	}
}

// read returns the payload of the next frame. The clock runs while the platform is
// waited for, not while the caller is busy; for the first piece of the answer it has
// run since the question was sent.
func (s *stream) read(ready bool) ([]byte, error) {
	if !ready {
		s.watch.resume()
	}
	payload, err := s.frames.Next()
	s.watch.rest()
	if err == nil {
		err = s.budget.takeFrame()
	}
	return payload, err
}

// progress notes that something of the answer came: only that lets the platform have
// more time. From the record on there is none to be had.
func (s *stream) progress() {
	s.budget.progress()
	if !s.begun {
		s.begun = true
		s.call.span.Began()
	}
	if !s.record.come {
		s.watch.allow(s.client.idle)
	}
}

// take takes one frame into the answer.
func (s *stream) take(payload []byte) {
	delta, scratch, ok := decodeDelta(payload, s.scratch)
	s.scratch = scratch
	if ok {
		s.add(delta, true)
		return
	}
	if bytes.Equal(bytes.TrimSpace(payload), terminator) {
		s.terminate()
		return
	}
	f, err := decodeFrame(payload)
	if err != nil {
		s.client.log.LogAttrs(s.watch.ctx, slog.LevelDebug, "platform sent a frame that is no JSON")
		return
	}
	switch f.kind {
	case frameDelta:
		s.add(f.delta, false)
	case frameObject:
		if f.object.AIText != nil && !s.record.come {
			s.progress()
			s.watch.allow(min(s.client.idle, longestEnd))
		}
		s.record.merge(f.object)
	case frameError:
		s.refuse(f.code, f.said)
	}
}

// add adds a piece to the answer and takes out what of it can be passed on. valid
// says that the piece is known to be UTF-8 without half characters.
func (s *stream) add(delta []byte, valid bool) {
	if len(delta) == 0 {
		return
	}
	s.progress()
	if s.answer.Len()+len(delta) > longestAnswer {
		s.fault = failed.because(fmt.Errorf("the answer is longer than %d bytes", longestAnswer))
		return
	}
	s.joiner.add(&s.answer, delta, valid)
	s.reasoning, s.text = s.think.split(s.held.release(s.answer.String()), false)
}
