// Package sse reads and writes event streams (text/event-stream) as bytes: lines, `data:` fields and comments, in
// bounded memory. The meaning of a payload does not belong here: this package knows neither JSON nor the platform
// nor the dialects of clients.
package sse

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// ErrTooLong is returned by Next for a line that is longer than the limit of the reader. The reader then reads
// nothing more.
var ErrTooLong = errors.New("sse: line too long")

const (
	waitBufferSize    = 512      // while nothing comes: thousands of streams may be open
	initialBufferSize = 4 << 10  // while more comes than fits the buffer of a wait
	maxKeptBuffer     = 64 << 10 // a larger buffer, for a long line, is replaced after the line
	maxDoubledBuffer  = 1 << 20  // a larger buffer grows by a quarter, so that little of it stays unused
	maxEmptyReads     = 100      // consecutive reads without bytes before io.ErrNoProgress
)

// buffers of the initial size are used again, because each stream needs one.
var buffers = sync.Pool{New: func() any { return new([initialBufferSize]byte) }}

func newBuffer(size int) []byte {
	if size == initialBufferSize {
		return buffers.Get().(*[initialBufferSize]byte)[:]
	}
	return make([]byte, size)
}

func freeBuffer(b []byte) {
	if len(b) == initialBufferSize {
		buffers.Put((*[initialBufferSize]byte)(b))
	}
}

var errReleased = errors.New("sse: reader used after its release")

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	dataField     = []byte("data:")
)

// Reader reads the payloads of the `data:` fields of an event stream. Each field is one event, because chat
// backends send one field per event. It skips comments, other fields and lines that are not a field. Lines end in
// LF or CRLF.
type Reader struct {
	r       io.Reader
	maxLine int   // of a line, without its line break
	err     error // from r, or ErrTooLong; Next returns it after the lines in the buffer

	waiting    [waitBufferSize]byte
	buf        []byte // waiting[:], or a larger one
	start      int    // buf[start:end] is not used yet
	end        int
	scanned    int // buf[start:scanned] has no line break
	hasStarted bool
	grow       func(size int) error // see NotifyGrowth; may be nil

	payload    []byte // valid when hasPayload
	hasPayload bool
}

// NewReader returns a Reader of r. maxLine is the length in bytes of the longest accepted line, without its line
// break.
func NewReader(r io.Reader, maxLine int) *Reader {
	reader := &Reader{r: r, maxLine: maxLine}
	reader.buf = reader.waiting[:min(waitBufferSize, maxLine+2)]
	return reader
}

// Release frees the buffer for another Reader. It ends the use of the last payload and of the Reader: Next returns an
// error from now on. A second call does nothing.
func (r *Reader) Release() {
	freeBuffer(r.buf)
	*r = Reader{err: errReleased}
}

// NotifyGrowth sets a function that is called before the buffer grows, for a long line, to size bytes. Its error ends
// the stream: Next returns it. The old buffer is in memory until the bytes are copied.
func (r *Reader) NotifyGrowth(grow func(size int) error) { r.grow = grow }

// Next returns the payload of the next `data:` field, without the one space that may follow the colon. The payload
// is valid until the next call of Next. The error is io.EOF at the end of the stream, ErrTooLong, or an error of the
// underlying reader. A last line without a line break is read only when the stream ends with io.EOF.
func (r *Reader) Next() ([]byte, error) {
	for !r.Ready() {
		if r.err != nil {
			return nil, r.err
		}
		r.fill()
	}
	r.hasPayload = false
	return r.payload, nil
}

// Ready reports whether Next would return a payload without reading from the
// underlying reader.
func (r *Reader) Ready() bool {
	for !r.hasPayload {
		line, ok := r.nextLine()
		if !ok {
			return false
		}
		if payload, ok := bytes.CutPrefix(line, dataField); ok {
			if len(payload) > 0 && payload[0] == ' ' {
				payload = payload[1:]
			}
			r.payload, r.hasPayload = payload, true
		}
	}
	return true
}

// nextLine returns the next line of the buffer, without its line break. It reports false when the buffer has no
// whole line.
func (r *Reader) nextLine() ([]byte, bool) {
	var line []byte
	if i := bytes.IndexByte(r.buf[r.scanned:r.end], '\n'); i >= 0 {
		line = r.buf[r.start : r.scanned+i]
		r.start = r.scanned + i + 1
		r.scanned = r.start
	} else {
		r.scanned = r.end
		if r.err != io.EOF || r.start == r.end { //nolint:errorlint // io.Reader returns io.EOF unwrapped
			return nil, false
		}
		line = r.buf[r.start:r.end]
		r.start = r.end
	}
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) > r.maxLine {
		r.fail()
		return nil, false
	}
	if !r.hasStarted {
		r.hasStarted = true
		line = bytes.TrimPrefix(line, byteOrderMark)
	}
	return line, true
}

// fill reads once into the buffer. The buffer must not have a whole line.
func (r *Reader) fill() {
	if r.end-r.start >= r.maxLine+2 {
		r.fail()
		return
	}
	if r.err = r.resizeBuffer(); r.err != nil {
		r.start, r.scanned = r.end, r.end // half a line is no event
		return
	}
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

// resizeBuffer moves the unused bytes to the front of the buffer. When they fill the buffer, or when the last read
// filled it, it makes a larger one. When little is left of a larger one, it takes the small one again. Its error is
// that of NotifyGrowth's function.
func (r *Reader) resizeBuffer() error {
	was := r.buf
	unused := was[r.start:r.end]
	isFull := r.end == len(was) && r.end > 0
	switch {
	case len(unused) == len(was), isFull && len(was) < initialBufferSize:
		size := min(nextBufferSize(len(was)), r.maxLine+2)
		if size > maxKeptBuffer && r.grow != nil {
			if err := r.grow(size); err != nil {
				return err
			}
		}
		r.buf = newBuffer(size)
	case isFull && len(was) <= maxKeptBuffer:
	case len(was) > waitBufferSize && len(unused) < waitBufferSize/2:
		r.buf = r.waiting[:]
	case len(was) > maxKeptBuffer && len(unused) < initialBufferSize:
		r.buf = newBuffer(initialBufferSize)
	}
	copy(r.buf, unused)
	if len(was) != len(r.buf) {
		freeBuffer(was)
	}
	r.scanned -= r.start
	r.start, r.end = 0, len(unused)
	return nil
}

func nextBufferSize(size int) int {
	if size < initialBufferSize {
		return initialBufferSize
	}
	if size < maxDoubledBuffer {
		return 2 * size
	}
	return size + size/4
}

// fail ends the stream with ErrTooLong.
func (r *Reader) fail() {
	r.err = ErrTooLong
	r.start, r.scanned = r.end, r.end
}
