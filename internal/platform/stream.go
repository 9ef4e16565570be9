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
	longestAnswer = 64 << 20 // bytes of a whole answer
)

// stream is an answer under way. It implements chat.Stream. How it ends is in
// ending.go.
type stream struct {
	client  *Client
	watch   *watch
	call    *observed
	body    io.ReadCloser
	frames  *sse.Reader
	started time.Time

	// The answer as it was streamed, tags included. All texts that are passed on
	// are parts of it, so that none is copied.
	answer  strings.Builder
	think   thinkSplitter
	scratch []byte
	record  record
	begun   bool // a frame has come

	// What Next returns before it reads on.
	reasoning, text string
	unflushed       bool        // something was returned since the last pause
	done            *chat.Event // the end of an answer that is whole
	fault           *chat.Error // the end of any other

	lingers bool // the reply is as good as over, so it is read to its end
	closed  bool
}

func (c *Client) newStream(w *watch, o *observed, body io.ReadCloser) *stream {
	return &stream{client: c, watch: w, call: o, body: body, frames: sse.NewReader(body, longestFrame), started: time.Now()}
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
// waited for, not while the caller is busy; for the first frame it has run since
// the question was sent.
func (s *stream) read(ready bool) ([]byte, error) {
	if ready {
		return s.frames.Next()
	}
	if s.begun {
		wait := s.client.idle
		if s.record.come {
			wait = time.Until(s.record.end)
		}
		if wait <= 0 {
			return nil, errTooSlow
		}
		s.watch.wait(wait)
	}
	payload, err := s.frames.Next()
	s.watch.rest()
	if !s.begun && err == nil {
		s.call.span.Began()
	}
	s.begun = true
	return payload, err
}

// take takes one frame into the answer.
func (s *stream) take(payload []byte) {
	delta, scratch, ok := decodeDelta(payload, s.scratch)
	s.scratch = scratch
	if ok {
		s.add(delta)
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
		s.add([]byte(f.delta))
	case frameObject:
		s.record.merge(f.object, time.Now().Add(min(s.client.idle, longestEnd)))
	case frameError:
		s.refuse(f.code, f.said)
	}
}

// add adds a piece to the answer and takes out what of it can be passed on.
func (s *stream) add(delta []byte) {
	if s.answer.Len()+len(delta) > longestAnswer {
		s.fault = failed.because(fmt.Errorf("the answer is longer than %d bytes", longestAnswer))
		return
	}
	s.answer.Write(delta)
	s.reasoning, s.text = s.think.split(s.answer.String(), false)
}
