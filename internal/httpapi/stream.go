package httpapi

import (
	"bytes"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

// flushSize is how much text waits for its flush at most, in bytes.
const flushSize = 16 << 10

// streamAnswer has a request placed and passes its answer on as it comes. Both happen here,
// on the handler's own goroutine; what has to happen while nothing comes (headers at
// last, keep-alives) is live's, which also covers the placing.
func (s *Server) streamAnswer(w http.ResponseWriter, r *http.Request, req *openai.ChatRequest) error {
	pending := takeBuffer()
	defer returnBuffer(pending)
	p := &streamer{
		state:  stateOf(r),
		chunks: openai.NewStream(openai.NewID(), time.Now(), req),
		live:   newLiveStream(w, s.opts.KeepAlive),
		unsent: pending,
	}
	defer p.live.close()
	p.live.startTimer(p.state.bodyRead.Add(s.opts.HeaderWait))
	err := s.placeAndStream(p, r, req)
	// Text that came is the client's, flushed or not: only a failure before any is
	// a status of its own, however the platform's bytes arrived.
	if err == nil || isClientGone(r, err) || p.unsent.Len() == 0 && p.live.closeIfUnused() {
		return err
	}
	if failed := p.fail(publicError(err, requestIDOf(r))); failed != nil {
		return failed
	}
	return err
}

// placeAndStream is streamed up to the end of the answer.
func (s *Server) placeAndStream(p *streamer, r *http.Request, req *openai.ChatRequest) error {
	answer, err := s.placeRequest(r, req)
	if err != nil {
		return err
	}
	p.live.setAnswer(answer)
	err = p.passEvents(r, answer)
	p.state.setPlacement(answer)
	if err == nil {
		err = p.finish()
	}
	if err != nil && isClientGone(r, err) {
		answer.Left()
	}
	return err
}

// streamer passes one answer on.
type streamer struct {
	state  *requestState
	chunks *openai.Stream
	live   *liveStream
	unsent *bytes.Buffer // chunks that wait for the next flush
}

// passEvents passes every event on, up to an error or to the client's leaving.
func (p *streamer) passEvents(r *http.Request, answer Answer) error {
	for ev, err := range answer.Events() {
		if err != nil {
			return err
		}
		if err := checkContext(r.Context()); err != nil {
			return err
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
	// Appending to the buffer's own free space makes Write copy nothing.
	p.unsent.Write(p.chunks.Append(p.unsent.AvailableBuffer(), ev))
	// The last choice's end goes out together with the stream's.
	choiceEnded := ev.Kind == chat.EventDone && !p.chunks.Complete()
	if choiceEnded || p.unsent.Len() > flushSize {
		return p.flush()
	}
	return nil
}

// finish sends what is left and the end of the stream.
func (p *streamer) finish() error {
	if !p.chunks.Complete() {
		return incompleteAnswerError()
	}
	p.unsent.Write(p.chunks.AppendEnd(p.unsent.AvailableBuffer()))
	return p.live.finish(p.unsent.Bytes(), p.state.usage.Estimated)
}

// fail ends a stream that has begun with the text so far and an error event. Its
// own error says that the client is gone.
func (p *streamer) fail(e *chat.Error) error {
	p.unsent.Write(p.chunks.AppendError(p.unsent.AvailableBuffer(), e))
	return p.flush()
}

func (p *streamer) flush() error {
	err := p.live.write(p.unsent.Bytes())
	p.unsent.Reset()
	return err
}

// setStreamHeaders are the headers of every stream. Common clients read Latin-1
// unless a text says its charset. The last header keeps reverse proxies from holding
// events back.
func setStreamHeaders(h http.Header) {
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
}
