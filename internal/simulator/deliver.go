package simulator

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Writes says how a stream is cut into writes, each of which is flushed. A positive
// value is a number of frames; what is ready is never held back to reach it.
type Writes int

const (
	// OddPieces cuts without regard to frames or characters: small and large pieces,
	// which differ from turn to turn.
	OddPieces Writes = -1
	// EachFrame makes one write for each frame.
	EachFrame Writes = 1
	// AllReady makes one write for all that is ready.
	AllReady Writes = 1 << 30
)

// oddSizes are the sizes of pieces in bytes, used in turn.
var oddSizes = [...]int{1, 2, 7, 61, 509, 3, 127, 4093, 5, 31, 16381}

const streamType = "text/event-stream"

// wire sends one reply to its client.
type wire struct {
	w      http.ResponseWriter
	rc     *http.ResponseController
	p      *performance
	writes Writes
	next   int // of oddSizes
	headed bool
	sent   int // bytes of the body
}

// deliver sends what the performance makes, until it ends or the client leaves.
func (s *Simulator) deliver(w http.ResponseWriter, r *http.Request, p *performance) {
	x := &wire{w: w, rc: http.NewResponseController(w), p: p, writes: s.opts.Writes, next: p.t.Number}
	if p.r.Writes != 0 {
		x.writes = p.r.Writes
	}
	// A client that does not read must not keep the simulator from closing.
	stop := context.AfterFunc(s.ctx, func() { _ = x.rc.SetWriteDeadline(time.Now()) })
	defer stop()
	defer p.box.leave()
	var b batch
	for {
		b = x.limit(p.box.take(b))
		if err := x.send(b); err != nil {
			s.clientGone(p.t)
			return
		}
		if b.end != notYet {
			x.finish(b.end)
			return
		}
		select {
		case <-p.box.wake:
		case <-r.Context().Done():
			s.clientGone(p.t)
			return
		}
	}
}

// limit cuts a batch where Reply.CutAfter wants it.
func (x *wire) limit(b batch) batch {
	most := x.p.r.CutAfter
	if most > 0 && x.sent+len(b.bytes) >= most {
		b.bytes, b.end = b.bytes[:most-x.sent], cutOff
	}
	x.sent += len(b.bytes)
	return b
}

// send writes a batch.
func (x *wire) send(b batch) error {
	if !b.head && len(b.bytes) == 0 {
		return nil
	}
	x.head()
	if len(b.bytes) == 0 {
		return x.flush()
	}
	for start := 0; start < len(b.bytes); {
		end := x.pieceEnd(&b, start)
		if _, err := x.w.Write(b.bytes[start:end]); err != nil {
			return err
		}
		if err := x.flush(); err != nil {
			return err
		}
		start = end
	}
	return nil
}

// pieceEnd is where the write that begins at start ends. It uses up b.ends.
func (x *wire) pieceEnd(b *batch, start int) int {
	if x.writes == OddPieces {
		x.next++
		return min(start+oddSizes[x.next%len(oddSizes)], len(b.bytes))
	}
	n := min(int(x.writes), len(b.ends))
	end := min(b.ends[n-1], len(b.bytes))
	b.ends = b.ends[n:]
	return end
}

// head writes status and headers, once.
func (x *wire) head() {
	if x.headed {
		return
	}
	x.headed = true
	h, r := x.w.Header(), x.p.r
	status := http.StatusOK
	if r.plain() {
		h.Set("Content-Type", r.ContentType)
		if r.Steps == nil {
			h.Set("Content-Length", strconv.Itoa(len(r.Body)))
		}
		if r.Status != 0 {
			status = r.Status
		}
	} else {
		h.Set("Content-Type", streamType)
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Chat-Task-Id", x.p.t.TaskID)
		if r.ContentType != "" {
			h.Set("Content-Type", r.ContentType)
		}
	}
	maps.Copy(h, r.Header)
	x.w.WriteHeader(status)
}

// flush sends what was written. A ResponseWriter that can't is not an error.
func (x *wire) flush() error {
	if err := x.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// finish ends the reply.
func (x *wire) finish(end ending) {
	switch end {
	case whole:
		x.head()
	default:
		closeConnection(x.w, end == resetOff)
	}
}

// closeConnection ends a reply as a broken connection does, with a reset or
// without.
func closeConnection(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 has no connection to give away; this is net/http's word for
		// resetting the stream, and nothing is logged.
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok && reset {
		_ = t.SetLinger(0) // the connection is given up either way
	}
	_ = conn.Close()
}
