package httpapi

import (
	"net/http"
	"time"
)

// maxWriteSize is the number of bytes that are written under one deadline.
const maxWriteSize = 64 << 10

// writer is the ResponseWriter that handlers get. It remembers the status. It puts a
// deadline on every write, so that a client that stops reading is disconnected; a deadline
// for the whole reply would cut long streams.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	status  int // 0: no byte of the reply was sent
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

// Write writes p in pieces, each with its own deadline. The last deadline stays until the
// next Write, Flush or request.
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

// FlushError sends what was written, with a deadline. It then removes the deadline,
// because a stream may be silent for long.
func (w *writer) FlushError() error {
	w.setDefaultStatus()
	w.setWriteDeadline()
	defer w.clearWriteDeadline()
	return w.control.Flush()
}

func (w *writer) setDefaultStatus() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// The errors of these two say http.ErrNotSupported, in tests only.
func (w *writer) setWriteDeadline()   { _ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) }
func (w *writer) clearWriteDeadline() { _ = w.control.SetWriteDeadline(time.Time{}) }
