package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"achuan/internal/chat"
)

// minBodyRate is the least that a body must average, in bytes a second, once
// BodyTimeout has passed: dripping keeps a connection no longer than silence.
const minBodyRate = 1 << 10

// remainderTimeout is how long the rest of a body may take that nobody wants. It is
// shorter than any deadline for the reply, which comes after it.
const remainderTimeout = 5 * time.Second

// limitBody bounds what a request's body may be: its size, up front where the
// client says it and while it is read; the silence between its bytes; and its
// slowness on the whole. What a handler did not read net/http reads by itself
// before it replies, to keep the connection: that too has a deadline.
func (s *Server) limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		b := &body{
			ReadCloser: r.Body,
			control:    http.NewResponseController(w),
			start:      time.Now(),
			timeout:    s.opts.BodyTimeout,
			maxBytes:   s.opts.MaxBody,
		}
		b.setReadDeadline()
		defer b.limitRemainder()
		if r.ContentLength > s.opts.MaxBody {
			s.fail(w, r, tooLargeError(s.opts.MaxBody))
			return
		}
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

// body is a request's body with its limits. What it returns besides io.EOF is a
// *chat.Error or says that the client is gone.
type body struct {
	io.ReadCloser
	control   *http.ResponseController
	start     time.Time
	timeout   time.Duration
	maxBytes  int64 // bytes
	bytesRead int64 // read so far
	isEnded   bool  // nothing more comes, or none that can be read
}

// Read moves the deadline forward as bytes arrive, and takes it away with the
// last: what net/http listens for after it is the client's leaving.
func (b *body) Read(p []byte) (int, error) {
	if b.bytesRead > b.maxBytes {
		return 0, tooLargeError(b.maxBytes)
	}
	b.setReadDeadline()
	// One byte more than allowed tells a full body from a longer one.
	if room := b.maxBytes - b.bytesRead + 1; int64(len(p)) > room {
		p = p[:room]
	}
	n, err := b.ReadCloser.Read(p)
	b.bytesRead += int64(n)
	if b.bytesRead > b.maxBytes {
		return 0, tooLargeError(b.maxBytes)
	}
	b.isEnded = err != nil
	if err == io.EOF {
		_ = b.control.SetReadDeadline(time.Time{})
		return n, io.EOF
	}
	return n, readError(err)
}

// setReadDeadline sets the deadline for the next bytes. A connection that knows none is a
// test's.
func (b *body) setReadDeadline() {
	deadline := time.Now().Add(b.timeout)
	earned := time.Duration(b.bytesRead) * time.Second / minBodyRate
	if slowest := b.start.Add(b.timeout + earned); slowest.Before(deadline) {
		deadline = slowest
	}
	_ = b.control.SetReadDeadline(deadline)
}

// limitRemainder gives what was not read a short deadline: a reply waits for it.
func (b *body) limitRemainder() {
	if !b.isEnded {
		_ = b.control.SetReadDeadline(time.Now().Add(remainderTimeout))
	}
}

// errSlowBody is wrapped by the error for a sender that takes too long. It is told
// so (a wrong Content-Length is a mistake like others) and its connection closed,
// although net/http cancels the request's context at the missed deadline, as if
// the client had left.
var errSlowBody = errors.New("slow body")

// readError says what a failure to read a body means for the request.
func readError(err error) error {
	netErr, ok := errors.AsType[net.Error](err)
	switch {
	case err == nil:
		return nil
	case ok && netErr.Timeout():
		return fmt.Errorf("%w: %w", errSlowBody,
			chat.Invalid(chat.CodeInvalidJSON, "", "The body stopped, or came too slowly, before its end."))
	case ok, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return clientGoneError(err)
	}
	e := chat.Invalid(chat.CodeInvalidJSON, "", "The body could not be read: its transfer coding is broken.")
	e.Cause = err
	return e
}

func tooLargeError(most int64) error {
	return &chat.Error{
		Kind: chat.KindTooLarge, Code: chat.CodeRequestTooLarge,
		Message: "The body is larger than the " + strconv.FormatInt(most, 10) + " bytes that are allowed (ACHUAN_MAX_BODY).",
	}
}

// initialBodySize is the room in bytes that a body begins with. It grows as bytes come: a
// Content-Length alone takes no memory.
const initialBodySize = 4 << 10

// bodyCost is the memory in bytes that a request takes, as measured on long texts and
// on lists of tiny messages: per byte of its body, and per object in it.
type bodyCost struct {
	placing   int64 // while it is decoded and placed: the body, its texts, what is sent
	answering int64 // from the first event on: its texts and what was sent
}

func estimateCost(body []byte) bodyCost {
	size, objects := int64(len(body)), int64(bytes.Count(body, []byte("{")))
	return bodyCost{placing: 6*size + 256*objects, answering: 3*size + 128*objects}
}

// readBody reads a request's body to its end, takes the memory for what will be made of
// it, and notes its hash for the log if that is to tell what was asked. It reads into b
// where that has room. The caller releases the exchange's memory.
func (s *Server) readBody(b *bytes.Buffer, r *http.Request) ([]byte, error) {
	x := stateOf(r)
	x.memory = s.budget.newLease()
	data := b.AvailableBuffer()
	for {
		if len(data) == cap(data) {
			var err error
			if data, err = s.growBody(data, r); err != nil {
				discardRest(r.Body)
				return nil, err
			}
		}
		n, err := r.Body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if cap(data) <= maxPooledSize {
		*b = *bytes.NewBuffer(data) // it goes back to the pool with this room
	}
	x.bodyRead = time.Now() // what the request waits for from here on is this server's doing
	x.cost = estimateCost(data)
	if err := x.memory.grow(r.Context(), x.cost.placing); err != nil {
		return nil, err
	}
	if s.opts.Audit {
		digest := sha256.Sum256(data)
		x.bodyHash = hex.EncodeToString(digest[:])
	}
	return data, nil
}

// discardRest reads what is left of a body that is refused, for a short time: many
// clients look for a reply only when they have sent all, and a closed connection hides
// it from them.
func discardRest(body io.Reader) {
	room := make([]byte, 32<<10)
	for end := time.Now().Add(remainderTimeout); time.Now().Before(end); {
		if _, err := body.Read(room); err != nil {
			return
		}
	}
}

// growBody returns data with twice its room, or with as much as the rest of the body is
// said to need. Both are in memory while one is copied to the other.
func (s *Server) growBody(data []byte, r *http.Request) ([]byte, error) {
	room := max(2*cap(data), initialBodySize)
	if said := r.ContentLength + 1; said > int64(cap(data)) && said < int64(room) {
		room = int(said) // and one byte more, to see the end
	}
	memory := stateOf(r).memory
	if err := memory.grow(r.Context(), int64(cap(data)+room)); err != nil {
		return nil, err
	}
	bigger := make([]byte, len(data), room)
	copy(bigger, data)
	memory.shrink(int64(room))
	return bigger, nil
}
