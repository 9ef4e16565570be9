// Package sse reads and writes event streams (text/event-stream) as bytes: lines,
// `data:` fields and comments, in bounded memory. What a payload means is none of
// its business: it knows neither JSON nor the platform nor a client's dialect.
package sse

import (
	"bytes"
	"errors"
	"io"
)

// ErrTooLong is what Next returns for a line longer than the reader's limit. The
// stream can't be read any further then.
var ErrTooLong = errors.New("sse: line too long")

const (
	initialBuffer = 4 << 10  // what an open stream costs: a thousand of them are common
	keptBuffer    = 64 << 10 // a larger one, grown for a giant line, is given back after it
	maxEmptyReads = 100      // reads of nothing in a row before io.ErrNoProgress
)

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	dataField     = []byte("data:")
)

// Reader takes the payloads of the `data:` fields out of an event stream. Each
// field is one event, as chat backends send them; comments, other fields and lines
// that are no field at all are skipped. Lines end in LF or CRLF.
type Reader struct {
	r   io.Reader
	max int   // longest line, without its line break
	err error // from r, or ErrTooLong; reported once the buffer is used up

	buf     []byte
	start   int // buf[start:end] is not consumed yet
	end     int
	scanned int // buf[start:scanned] holds no line break
	begun   bool

	payload []byte // found by Ready, not yet handed out by Next
	found   bool
}

// NewReader returns a Reader of r. maxLine is the longest line, in bytes and
// without its line break, that it takes.
func NewReader(r io.Reader, maxLine int) *Reader {
	return &Reader{r: r, max: maxLine, buf: make([]byte, min(initialBuffer, maxLine+2))}
}

// Next returns the payload of the next `data:` field, without the one space that
// may follow the colon. It is valid until the next call of Next. The error is
// io.EOF at the end of the stream, ErrTooLong, or the underlying reader's; a last
// line without a line break counts only at a clean end.
func (r *Reader) Next() ([]byte, error) {
	for !r.Ready() {
		if r.err != nil {
			return nil, r.err
		}
		r.fill()
	}
	r.found = false
	return r.payload, nil
}

// Ready reports whether Next would return a payload without reading from the
// underlying reader.
func (r *Reader) Ready() bool {
	for !r.found {
		line, ok := r.line()
		if !ok {
			return false
		}
		if payload, ok := bytes.CutPrefix(line, dataField); ok {
			if len(payload) > 0 && payload[0] == ' ' {
				payload = payload[1:]
			}
			r.payload, r.found = payload, true
		}
	}
	return true
}

// line consumes one line of the buffer, without its line break.
func (r *Reader) line() ([]byte, bool) {
	var line []byte
	if i := bytes.IndexByte(r.buf[r.scanned:r.end], '\n'); i >= 0 {
		line = r.buf[r.start : r.scanned+i]
		r.start = r.scanned + i + 1
		r.scanned = r.start
	} else {
		r.scanned = r.end
		if r.err != io.EOF || r.start == r.end { //nolint:errorlint // a reader that is at its end says io.EOF itself
			return nil, false
		}
		line = r.buf[r.start:r.end]
		r.start = r.end
	}
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) > r.max {
		r.fail()
		return nil, false
	}
	if !r.begun {
		r.begun = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return line, true
}

// fill reads once into the buffer, which holds no whole line when it is called.
func (r *Reader) fill() {
	if r.end-r.start >= r.max+2 {
		r.fail()
		return
	}
	r.makeRoom()
	for range maxEmptyReads {
		n, err := r.r.Read(r.buf[r.end:])
		r.end += n
		r.err = err
		if n > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// makeRoom moves what is left to the front of the buffer, into a larger one when
// it fills this one and into a small one again after a giant line.
func (r *Reader) makeRoom() {
	left := r.buf[r.start:r.end]
	switch {
	case len(left) == len(r.buf):
		r.buf = make([]byte, min(2*len(r.buf), r.max+2))
	case len(r.buf) > keptBuffer && len(left) < initialBuffer:
		r.buf = make([]byte, initialBuffer)
	}
	copy(r.buf, left)
	r.scanned -= r.start
	r.start, r.end = 0, len(left)
}

// fail ends the stream at a line that is too long.
func (r *Reader) fail() {
	r.err = ErrTooLong
	r.start, r.scanned = r.end, r.end
}
