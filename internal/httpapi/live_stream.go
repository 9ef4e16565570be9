package httpapi

import (
	"net/http"
	"sync"
	"time"

	"achuan/internal/sse"
)

var keepAliveComment = sse.AppendComment(nil, "keep-alive")

// liveStream is the connection of one stream: the handler writes text to it, and its
// timer writes what must be said while there is none. The answer's first event or the
// end of the wait for it, whichever comes first, decides the status 200.
type liveStream struct {
	w         http.ResponseWriter
	flusher   *http.ResponseController
	keepAlive time.Duration

	timer *time.Timer // calls tick

	mu            sync.Mutex // guards what follows and every use of w
	answer        Answer     // nil before the request is placed
	headersSent   bool       // the headers have left
	placementSent bool       // they said where the answer comes from
	isClosed      bool       // nothing is written any more
	lastWrite     time.Time  // when something was written last
	err           error      // of the first write that failed
}

func newLiveStream(w http.ResponseWriter, keepAlive time.Duration) *liveStream {
	l := &liveStream{w: w, flusher: http.NewResponseController(w), keepAlive: keepAlive}
	l.timer = time.AfterFunc(time.Hour, l.tick)
	l.timer.Stop()
	return l
}

// startTimer begins the wait for the first event: without one the headers leave at until.
func (l *liveStream) startTimer(until time.Time) { l.timer.Reset(time.Until(until)) }

// setAnswer tells where the answer comes from, for headers that have not left yet.
func (l *liveStream) setAnswer(answer Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

// tick says what is due: the headers, or a comment when nothing was said for long.
func (l *liveStream) tick() {
	if !l.mu.TryLock() {
		// Something is being written, so nothing is due. Waiting for the lock would
		// cost every stalled reader a second goroutine.
		l.timer.Reset(l.keepAlive)
		return
	}
	defer l.mu.Unlock()
	if l.isClosed || l.err != nil {
		return
	}
	if silent := time.Since(l.lastWrite); l.headersSent && silent < l.keepAlive {
		l.timer.Reset(l.keepAlive - silent)
		return
	}
	if l.headersSent {
		l.send(keepAliveComment)
	} else {
		l.send(nil)
	}
	l.timer.Reset(l.keepAlive)
}

// write sends p, after the headers if they have not left yet. Its errors say
// that the client is gone, also when it was the timer that noticed.
func (l *liveStream) write(p []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(p) > 0 && l.err == nil {
		l.send(p)
	}
	return l.err
}

// finish sends the last of a whole answer. Whether its usage is estimated is known only
// now: the headers say so if they have not left yet, else a trailer does. So does a
// trailer where the answer came from, if the headers left before that was known.
func (l *liveStream) finish(p []byte, estimated bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	h := l.w.Header()
	switch {
	case estimated && l.headersSent:
		h.Set(http.TrailerPrefix+usageHeader, usageEstimated)
	case estimated:
		h.Set(usageHeader, usageEstimated)
	}
	if l.headersSent && !l.placementSent {
		setPlacementHeaders(h, http.TrailerPrefix, l.answer)
	}
	l.send(p)
	return l.err
}

// closeIfUnused reports whether nothing has been sent, and if so sees to it that the
// timer sends nothing either: the reply is then the caller's to make.
func (l *liveStream) closeIfUnused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.headersSent {
		l.isClosed = true
	}
	return !l.headersSent
}

// close stops the timer. After it the writer is not touched.
func (l *liveStream) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isClosed = true
	l.timer.Stop()
}

// send writes and flushes; l.mu is held.
func (l *liveStream) send(p []byte) {
	if !l.headersSent {
		l.headersSent = true
		setStreamHeaders(l.w.Header())
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
