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

// minBodyRate is the average rate, in bytes a second, that a body must reach once
// BodyTimeout has passed. So a client that sends a few bytes at a time cannot hold a
// connection for long.
const minBodyRate = 1 << 10

// remainderTimeout is how long net/http may read the rest of a body that the handler did
// not read. It is shorter than every deadline of the reply, which comes after it.
const remainderTimeout = 5 * time.Second

// limitBody limits the body of a request: its size (at once when the client announces it,
// and while it is read), the silence between bytes, and the time of the whole. net/http
// reads what a handler left unread before it replies, to keep the connection; that has a
// deadline too.
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
		b.setReadDeadline(b.start.Add(b.timeout))
		defer b.limitRemainder()
		if r.ContentLength > s.opts.MaxBody {
			s.fail(w, r, tooLargeError(s.opts.MaxBody))
			return
		}
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

// body is the body of a request with its limits. Its errors besides io.EOF are
// *chat.Error, or say that the client is gone.
type body struct {
	io.ReadCloser
	control   *http.ResponseController
	start     time.Time
	timeout   time.Duration
	maxBytes  int64 // bytes
	bytesRead int64 // so far
	deadline  time.Time
	isEnded   bool // whether the last byte was read, or a read failed
}

// Read moves the deadline forward as bytes arrive. After the last byte it removes the
// deadline, because net/http then only waits for the client to leave.
func (b *body) Read(p []byte) (int, error) {
	if b.bytesRead > b.maxBytes {
		return 0, tooLargeError(b.maxBytes)
	}
	b.extendReadDeadline()
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

// extendReadDeadline sets the deadline of the next bytes, unless the one that is set is late
// enough.
func (b *body) extendReadDeadline() {
	deadline := time.Now().Add(b.timeout)
	earned := time.Duration(b.bytesRead) * time.Second / minBodyRate
	if slowest := b.start.Add(b.timeout + earned); slowest.Before(deadline) {
		deadline = slowest
	}
	if b.deadline.Before(deadline) {
		b.setReadDeadline(deadline.Add(b.timeout / deadlineSlack))
	}
}

// setReadDeadline ignores the error of a connection without deadlines, which exists in
// tests only.
func (b *body) setReadDeadline(deadline time.Time) {
	b.deadline = deadline
	_ = b.control.SetReadDeadline(deadline)
}

// limitRemainder gives the unread rest of the body a short deadline, because the reply
// waits for it.
func (b *body) limitRemainder() {
	if !b.isEnded {
		_ = b.control.SetReadDeadline(time.Now().Add(remainderTimeout))
	}
}

// errSlowBody is wrapped by the error for a body that takes too long. The client gets this
// error, because a wrong Content-Length is a mistake like others. Without the mark it
// would count as gone: net/http cancels the context of the request when the deadline
// passes.
var errSlowBody = errors.New("slow body")

// readError returns what a failure to read a body means for the request.
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

// initialBodySize is the initial size of the buffer for a body, in bytes. The buffer grows
// as bytes come: a Content-Length alone takes no memory.
const initialBodySize = 4 << 10

// minIntakeSize is the size of a body, in bytes, from which on it may have long files.
const minIntakeSize = 64 << 10

// maxBodyGrowth is how much larger the buffer becomes at once if the Content-Length says
// that the body needs it. The larger it is, the fewer old buffers are left as garbage.
const maxBodyGrowth = 8

// bodyCost is an estimate of the memory in bytes that a request takes. It was measured
// with long texts and with lists of tiny messages: per byte of the body, and per object in
// it.
type bodyCost struct {
	placing   int64 // while the request is decoded and placed: the body, its texts, the question
	answering int64 // from the first event on: its texts and the question
}

func estimateCost(body []byte) bodyCost {
	size, objects := int64(len(body)), int64(bytes.Count(body, []byte("{")))
	return bodyCost{placing: 6*size + 256*objects, answering: 3*size + 128*objects}
}

// readBody reads the body of a request, into b if it has room, and takes the memory for
// what is made of it. It records the hash of the body if the log shows it. The caller
// releases the memory of the request state.
func (s *Server) readBody(b *bytes.Buffer, r *http.Request) ([]byte, error) {
	x := stateOf(r)
	x.memory = s.budget.newLease()
	body, digest := io.Reader(r.Body), sha256.New()
	if s.opts.Audit {
		body = io.TeeReader(body, digest)
	}
	data := b.AvailableBuffer()
	for {
		if len(data) == cap(data) {
			var err error
			if data, err = s.growBody(data, r); err != nil {
				discardRest(r.Body)
				return nil, err
			}
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if x.releaseFiles == nil && s.mayHaveFile(r, data, n) {
			intake := s.opts.Files.NewIntake(io.MultiReader(bytes.NewReader(bytes.Clone(data)), body))
			x.releaseFiles = intake.Release
			body, data = intake, data[:0]
			continue
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if cap(data) <= maxPooledSize {
		*b = *bytes.NewBuffer(data) // it returns to the pool with this capacity
	}
	x.bodyRead = time.Now() // from here on the request waits for this server only
	x.cost = estimateCost(data)
	if err := x.memory.grow(r.Context(), x.cost.placing); err != nil {
		return nil, err
	}
	if s.opts.Audit {
		x.bodyHash = hex.EncodeToString(digest.Sum(nil))
	}
	return data, nil
}

// fileMark is in every file of a JSON body that is long enough to be taken out of it.
var fileMark = []byte(";base64,")

// mayHaveFile reports whether the last n bytes of data show that the body has a file, so that an
// intake must read it from its start. Other bodies cost only this search.
func (s *Server) mayHaveFile(r *http.Request, data []byte, n int) bool {
	isLong := r.ContentLength < 0 || r.ContentLength > minIntakeSize
	return isLong && bytes.Contains(data[max(0, len(data)-n-len(fileMark)):], fileMark)
}

// discardRest reads the rest of a refused body for a short time. Many clients look for a
// reply only after they have sent everything, and a closed connection would hide it from
// them.
func discardRest(body io.Reader) {
	room := make([]byte, 32<<10)
	for end := time.Now().Add(remainderTimeout); time.Now().Before(end); {
		if _, err := body.Read(room); err != nil {
			return
		}
	}
}

// growBody returns data with twice its capacity, or with the capacity that the
// Content-Length needs, but at most maxBodyGrowth times its own. Both buffers are in memory
// while one is copied to the other.
func (s *Server) growBody(data []byte, r *http.Request) ([]byte, error) {
	room := max(2*cap(data), initialBodySize)
	if said := r.ContentLength + 1; said > int64(cap(data)) { // one byte more, to see the end
		room = int(max(min(said, maxBodyGrowth*int64(cap(data))), initialBodySize))
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
