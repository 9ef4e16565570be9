package httpapi

import (
	"net/http"
	"time"
)

// maxWriteSize is the most bytes that go out under one write deadline: what a reader
// must take within it.
const maxWriteSize = 64 << 10

// writer is the ResponseWriter that handlers get. It remembers the status, and
// puts a deadline on every write, so that a reader that stalls is dropped; a
// deadline for the whole reply would cut long streams.
type writer struct {
	http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	status  int // 0: no byte of the reply has left
}

func newWriter(w http.ResponseWriter, timeout time.Duration) *writer {
	return &writer{ResponseWriter: w, control: http.NewResponseController(w), timeout: timeout}
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader remembers the status, interim ones apart.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes p in pieces, each under a deadline of its own. The last one stands
// until the next Write, Flush or request.
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

// FlushError sends what was written, under a deadline that is taken away after
// it: a stream may be silent for long.
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

// A writer that knows no deadlines cannot stall for ever either way: the errors
// say http.ErrNotSupported, in tests alone.
func (w *writer) setWriteDeadline()   { _ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) }
func (w *writer) clearWriteDeadline() { _ = w.control.SetWriteDeadline(time.Time{}) }
