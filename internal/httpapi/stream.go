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

// streamed has a request placed and passes its answer on as it comes. Both happen here,
// on the handler's own goroutine; what has to happen while nothing comes (headers at
// last, keep-alives) is live's, which also covers the placing.
func (s *Server) streamed(w http.ResponseWriter, r *http.Request, req *openai.ChatRequest) error {
	pending := takeBuffer()
	defer giveBack(pending)
	p := &passer{
		exchange: exchangeOf(r),
		chunks:   openai.NewStream(openai.NewID(), time.Now(), req),
		live:     newLive(w, s.opts.KeepAlive),
		pending:  pending,
	}
	defer p.live.close()
	p.live.start(p.exchange.arrived.Add(s.opts.HeaderWait))
	err := s.placeAndPass(p, r, req)
	// Text that came is the client's, flushed or not: only a failure before any is
	// a status of its own, however the platform's bytes arrived.
	if err == nil || clientGone(r, err) || p.pending.Len() == 0 && p.live.unused() {
		return err
	}
	if failed := p.fail(public(err, requestIDOf(r))); failed != nil {
		return failed
	}
	return err
}

// placeAndPass is streamed up to the end of the answer.
func (s *Server) placeAndPass(p *passer, r *http.Request, req *openai.ChatRequest) error {
	answer, err := s.place(r, req)
	if err != nil {
		return err
	}
	p.live.placed(answer)
	err = p.all(r, answer)
	p.exchange.placed(answer)
	if err == nil {
		err = p.end()
	}
	if err != nil && clientGone(r, err) {
		answer.Left()
	}
	return err
}

// passer passes one answer on.
type passer struct {
	exchange *exchange
	chunks   *openai.Stream
	live     *live
	pending  *bytes.Buffer // chunks that wait for the next flush
}

// all passes every event on, up to an error or to the client's leaving.
func (p *passer) all(r *http.Request, answer Answer) error {
	for ev, err := range answer.Events() {
		if err != nil {
			return err
		}
		if err := left(r.Context()); err != nil {
			return err
		}
		if err := p.event(ev); err != nil {
			return err
		}
	}
	return nil
}

func (p *passer) event(ev chat.Event) error {
	p.exchange.event(ev)
	if ev.Kind == chat.EventPause {
		return p.flush()
	}
	// Appending to the buffer's own free space makes Write copy nothing.
	p.pending.Write(p.chunks.Append(p.pending.AvailableBuffer(), ev))
	// The last choice's end goes out together with the stream's.
	choiceEnded := ev.Kind == chat.EventDone && !p.chunks.Complete()
	if choiceEnded || p.pending.Len() > flushSize {
		return p.flush()
	}
	return nil
}

// end sends what is left and the end of the stream.
func (p *passer) end() error {
	if !p.chunks.Complete() {
		return notWhole()
	}
	p.pending.Write(p.chunks.AppendEnd(p.pending.AvailableBuffer()))
	return p.live.finish(p.pending.Bytes(), p.exchange.usage.Estimated)
}

// fail ends a stream that has begun with the text so far and an error event. Its
// own error says that the client is gone.
func (p *passer) fail(e *chat.Error) error {
	p.pending.Write(p.chunks.AppendError(p.pending.AvailableBuffer(), e))
	return p.flush()
}

func (p *passer) flush() error {
	err := p.live.write(p.pending.Bytes())
	p.pending.Reset()
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
