package httpapi

import (
	"bytes"
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// flushSize is the size of unsent text, in bytes, above which it is flushed without
// waiting for a pause.
const flushSize = 16 << 10

// streamAnswer places a request and passes its answer on as it comes, both on the
// goroutine of the handler. The liveStream sends headers and keep-alive comments while
// nothing comes, also during the placement.
func (s *Server) streamAnswer(w http.ResponseWriter, r *http.Request, req dialect.Decoded) error {
	writer := req.Stream()
	p := &streamer{state: stateOf(r), writer: writer, live: newLiveStream(w, s.opts.KeepAlive, writer)}
	p.addPicture = s.pictureLoader(r, writer)
	defer p.live.close()
	defer p.dropUnsent()
	p.live.startTimer(p.state.bodyRead.Add(s.opts.HeaderWait))
	err := s.placeAndStream(p, r, &req.Common().Request)
	// The client gets every text that came, flushed or not. So only a failure before any
	// text is a status of its own, whatever the timing of the platform's bytes.
	if err == nil || isClientGone(r, err) {
		return err
	}
	e := publicError(err, requestIDOf(r))
	if !p.hasUnsent() && !failsInStream(p.writer, e) && p.live.closeIfUnused() {
		return err
	}
	if sendErr := p.fail(e); sendErr != nil {
		return sendErr
	}
	return err
}

// failsInStream reports whether the dialect tells a failure in the stream although no byte was sent, because its
// client repeats a request less often then.
func failsInStream(w dialect.Stream, e *chat.Error) bool {
	d, ok := w.(interface{ FailsInStream(e *chat.Error) bool })
	return ok && d.FailsInStream(e)
}

// placeAndStream is streamAnswer without the handling of a failure.
func (s *Server) placeAndStream(p *streamer, r *http.Request, req *chat.Request) error {
	answer, err := s.placeRequest(r, req)
	if err != nil {
		return err
	}
	p.live.setAnswer(answer)
	err = p.passEvents(r, answer)
	p.state.setPlacement(answer)
	if err == nil {
		s.saveResponse(r, p.writer)
		err = p.finish()
	}
	if err != nil && isClientGone(r, err) {
		answer.MarkClientLeft()
	}
	return err
}

// streamer passes one answer on.
type streamer struct {
	state  *requestState
	writer dialect.Stream
	live   *liveStream
	// addPicture adds the bytes to the event of a picture; nil if the client wants links alone.
	addPicture func(chat.Event) (chat.Event, error)
	// unsent has the events that wait for the next flush; nil for none, because a stream mostly
	// waits for events.
	unsent *bytes.Buffer
}

// buffer returns the buffer for unsent events.
func (p *streamer) buffer() *bytes.Buffer {
	if p.unsent == nil {
		p.unsent = takeBuffer()
	}
	return p.unsent
}

func (p *streamer) hasUnsent() bool { return p.unsent != nil && p.unsent.Len() > 0 }

func (p *streamer) dropUnsent() {
	if p.unsent != nil {
		returnBuffer(p.unsent)
		p.unsent = nil
	}
}

// passEvents passes all events on, until an error or until the client leaves.
func (p *streamer) passEvents(r *http.Request, answer Answer) error {
	for ev, err := range answer.Events() {
		if err != nil {
			return err
		}
		if err := checkContext(r.Context()); err != nil {
			return err
		}
		if ev.Kind == chat.EventPicture && p.addPicture != nil {
			if ev, err = p.addPicture(ev); err != nil {
				return err
			}
		}
		if err := p.passEvent(ev); err != nil {
			return err
		}
	}
	return nil
}

func (p *streamer) passEvent(ev chat.Event) error {
	p.state.addEvent(ev)
	if ev.Kind == chat.EventPause {
		return p.flush()
	}
	b := p.buffer()
	p.live.compose(func() {
		// Write copies nothing, because the text is appended to the free space of the buffer.
		b.Write(p.writer.Append(b.AvailableBuffer(), ev))
	})
	// The end of the last choice goes out together with the end of the stream.
	choiceEnded := ev.Kind == chat.EventDone && !p.writer.Complete()
	if choiceEnded || b.Len() > flushSize {
		return p.flush()
	}
	return nil
}

// finish sends the unsent text and the end of the stream.
func (p *streamer) finish() error {
	if !p.writer.Complete() {
		return incompleteAnswerError()
	}
	b := p.buffer()
	p.live.compose(func() { b.Write(p.writer.AppendEnd(b.AvailableBuffer())) })
	return p.live.finish(b.Bytes(), p.state.usage)
}

// fail ends a stream that has begun: it sends the unsent text and an error event. The
// error that it returns says that the client is gone.
func (p *streamer) fail(e *chat.Error) error {
	b := p.buffer()
	p.live.compose(func() { b.Write(p.writer.AppendError(b.AvailableBuffer(), e)) })
	return p.flush()
}

func (p *streamer) flush() error {
	if p.unsent == nil {
		return p.live.write(nil)
	}
	err := p.live.write(p.unsent.Bytes())
	p.dropUnsent()
	return err
}

// setStreamHeaders sets the headers of every stream. X-Accel-Buffering keeps reverse proxies
// from holding events back.
func setStreamHeaders(h http.Header, contentType string) {
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}
