package httpapi

import (
	"net/http"
	"sync"
	"time"

	"achuan/internal/chat"
)

// liveStream is the connection of one stream. The handler writes text to it. Its timer
// writes headers and keep-alives while there is no text. The first event of the
// answer or the end of the wait for it, whichever comes first, decides on the status 200.
type liveStream struct {
	w         http.ResponseWriter
	flusher   *http.ResponseController
	keepAlive time.Duration
	format    streamFormat

	timer *time.Timer // calls tick

	mu            sync.Mutex // guards the fields below, and every use of w and of format
	answer        Answer     // nil before the request is placed
	hasUnsent     bool       // whether the handler has text that it did not write yet
	headersSent   bool       // whether the headers were sent
	placementSent bool       // whether they have the placement
	isClosed      bool       // whether nothing more may be written
	lastWrite     time.Time  // time of the last write
	err           error      // of the first write that failed
}

// streamFormat is what the connection must know of the dialect of its stream.
type streamFormat interface {
	ContentType() string
	AppendKeepAlive(dst []byte) []byte
}

func newLiveStream(w http.ResponseWriter, keepAlive time.Duration, format streamFormat) *liveStream {
	l := &liveStream{w: w, flusher: http.NewResponseController(w), keepAlive: keepAlive, format: format}
	l.timer = time.AfterFunc(time.Hour, l.tick)
	l.timer.Stop()
	return l
}

// startTimer starts the wait for the first event. Without an event the headers are sent at
// until.
func (l *liveStream) startTimer(until time.Time) { l.timer.Reset(time.Until(until)) }

// setAnswer records where the answer comes from, for headers that are not sent yet.
func (l *liveStream) setAnswer(answer Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

// compose runs f, which uses the writer of the dialect, while the timer does not use it. What f appends
// is written next: until then, a keep-alive would come in front of it.
func (l *liveStream) compose(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hasUnsent = true
	f()
}

// tick sends what is due: the headers, or a keep-alive after a long silence.
func (l *liveStream) tick() {
	if !l.mu.TryLock() {
		// The handler is writing, so nothing is due. Waiting for the lock would need a
		// second goroutine for every stalled reader.
		l.timer.Reset(l.keepAlive)
		return
	}
	defer l.mu.Unlock()
	if l.isClosed || l.err != nil {
		return
	}
	if l.hasUnsent {
		l.timer.Reset(l.keepAlive) // the handler is about to write
		return
	}
	if silent := time.Since(l.lastWrite); l.headersSent && silent < l.keepAlive {
		l.timer.Reset(l.keepAlive - silent)
		return
	}
	if l.headersSent {
		l.send(l.format.AppendKeepAlive(nil))
	} else {
		l.send(nil)
	}
	l.timer.Reset(l.keepAlive)
}

// write sends p, after the headers if they are not sent yet. Its error says that the
// client is gone; it also returns an error of the timer.
func (l *liveStream) write(p []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hasUnsent = false
	if len(p) > 0 && l.err == nil {
		l.send(p)
	}
	return l.err
}

// finish sends the last part of a complete answer. Only now are its usage and its price
// known: headers say so if they are not sent yet, otherwise a trailer does. A trailer also
// has the placement if the headers were sent before it was known.
func (l *liveStream) finish(p []byte, usage chat.Usage) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	h, prefix := l.w.Header(), ""
	if l.headersSent {
		prefix = http.TrailerPrefix
	}
	setUsageHeaders(h, prefix, usage)
	if l.headersSent && !l.placementSent {
		setPlacementHeaders(h, prefix, l.answer)
	}
	l.send(p)
	return l.err
}

// closeIfUnused reports whether nothing was sent. If so, it also keeps the timer from
// sending anything, so that the caller can send a reply of its own.
func (l *liveStream) closeIfUnused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.headersSent {
		l.isClosed = true
	}
	return !l.headersSent
}

// close stops the timer. The writer is not used after it.
func (l *liveStream) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isClosed = true
	l.timer.Stop()
}

// send writes and flushes p. The caller holds l.mu.
func (l *liveStream) send(p []byte) {
	if !l.headersSent {
		l.headersSent = true
		setStreamHeaders(l.w.Header(), l.format.ContentType())
		if l.placementSent = l.answer != nil; l.placementSent {
			setPlacementHeaders(l.w.Header(), "", l.answer)
		}
		l.w.WriteHeader(http.StatusOK)
	}
	var err error
	if len(p) > 0 {
		_, err = l.w.Write(p)
	}
	if err == nil {
		err = l.flusher.Flush()
	}
	if err != nil {
		l.err = clientGoneError(err)
	}
	l.lastWrite = time.Now()
}
