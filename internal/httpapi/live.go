package httpapi

import (
	"net/http"
	"sync"
	"time"

	"achuan/internal/sse"
)

var keepAliveComment = sse.AppendComment(nil, "keep-alive")

// live is the connection of one stream: the handler writes text to it, and its
// timer writes what must be said while there is none. The answer's first event or the
// end of the wait for it, whichever comes first, decides the status 200.
type live struct {
	w         http.ResponseWriter
	flusher   *http.ResponseController
	keepAlive time.Duration

	timer *time.Timer // calls tick

	mu     sync.Mutex // guards what follows and every use of w
	answer Answer     // nil before the request is placed
	begun  bool       // the headers have left
	said   bool       // they said where the answer comes from
	closed bool       // nothing is written any more
	last   time.Time  // when something was written last
	err    error      // of the first write that failed
}

func newLive(w http.ResponseWriter, keepAlive time.Duration) *live {
	l := &live{w: w, flusher: http.NewResponseController(w), keepAlive: keepAlive}
	l.timer = time.AfterFunc(time.Hour, l.tick)
	l.timer.Stop()
	return l
}

// start begins the wait for the first event: without one the headers leave at until.
func (l *live) start(until time.Time) { l.timer.Reset(time.Until(until)) }

// placed tells where the answer comes from, for headers that have not left yet.
func (l *live) placed(answer Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answer = answer
}

// tick says what is due: the headers, or a comment when nothing was said for long.
func (l *live) tick() {
	if !l.mu.TryLock() {
		// Something is being written, so nothing is due. Waiting for the lock would
		// cost every stalled reader a second goroutine.
		l.timer.Reset(l.keepAlive)
		return
	}
	defer l.mu.Unlock()
	if l.closed || l.err != nil {
		return
	}
	if silent := time.Since(l.last); l.begun && silent < l.keepAlive {
		l.timer.Reset(l.keepAlive - silent)
		return
	}
	if l.begun {
		l.send(keepAliveComment)
	} else {
		l.send(nil)
	}
	l.timer.Reset(l.keepAlive)
}

// write sends p, after the headers if they have not left yet. Its errors say
// that the client is gone, also when it was the timer that noticed.
func (l *live) write(p []byte) error {
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
func (l *live) finish(p []byte, estimated bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	h := l.w.Header()
	switch {
	case estimated && l.begun:
		h.Set(http.TrailerPrefix+usageHeader, usageEstimated)
	case estimated:
		h.Set(usageHeader, usageEstimated)
	}
	if l.begun && !l.said {
		sayPlace(h, http.TrailerPrefix, l.answer)
	}
	l.send(p)
	return l.err
}

// unused reports whether nothing has been sent, and if so sees to it that the
// timer sends nothing either: the reply is then the caller's to make.
func (l *live) unused() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.begun {
		l.closed = true
	}
	return !l.begun
}

// close stops the timer. After it the writer is not touched.
func (l *live) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.timer.Stop()
}

// send writes and flushes; l.mu is held.
func (l *live) send(p []byte) {
	if !l.begun {
		l.begun = true
		setStreamHeaders(l.w.Header())
		if l.said = l.answer != nil; l.said {
			sayPlace(l.w.Header(), "", l.answer)
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
		l.err = gone(err)
	}
	l.last = time.Now()
}
