package httpapi

import (
	"net/http"
	"time"
)

// maxWriteSize is the number of bytes that are written under one deadline.
const maxWriteSize = 64 << 10

// deadlineSlack is the part of a timeout that a deadline may come too late: 1/deadlineSlack.
// So a stream sets a deadline once in a while, and not for each event.
const deadlineSlack = 32

// writer is the ResponseWriter that handlers get. It remembers the status. It puts a
// deadline on every write, so that a client that stops reading is disconnected; a deadline
// for the whole reply would cut long streams.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	// deadline is the one that is set. It has no effect between writes, so it may pass.
	deadline time.Time
	status   int // 0: no byte of the reply was sent
}

func newWriter(w http.ResponseWriter, timeout time.Duration) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status, unless it is an interim one.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes p in pieces. Each has at least the timeout.
func (w *writer) Write(p []byte) (n int, err error) {
	w.setDefaultStatus()
	for {
		piece := p[n:min(len(p), n+maxWriteSize)]
		w.setWriteDeadline()
		k, err := w.ResponseWriter.Write(piece)
		n += k
		if err != nil || n >= len(p) {
			return n, err
		}
	}
}

// FlushError sends what was written, with at least the timeout.
func (w *writer) FlushError() error {
	w.setDefaultStatus()
	w.setWriteDeadline()
	return w.control.Flush()
}

func (w *writer) setDefaultStatus() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// setWriteDeadline sets the deadline of the next write, unless the one that is set is late
// enough. It ignores the error http.ErrNotSupported, which exists in tests only.
func (w *writer) setWriteDeadline() {
	now := time.Now()
	if w.deadline.Sub(now) >= w.timeout {
		return
	}
	w.deadline = now.Add(w.timeout + w.timeout/deadlineSlack)
	_ = w.control.SetWriteDeadline(w.deadline)
}
