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

// Writes says how a stream is split into writes, each of which is flushed. A positive value is the largest number
// of frames in a write. A write does not wait for further frames.
type Writes int

const (
	// OddPieces splits anywhere, also inside frames and characters, into small and large pieces. They differ from
	// turn to turn.
	OddPieces Writes = -1
	// EachFrame makes one write for each frame.
	EachFrame Writes = 1
	// AllReady makes one write for all that is ready.
	AllReady Writes = 1 << 30
)

// oddPieceSizes are the sizes of the pieces in bytes. They are used one after another, and again from the start.
var oddPieceSizes = [...]int{1, 2, 7, 61, 509, 3, 127, 4093, 5, 31, 16381}

const streamType = "text/event-stream"

// replyWriter writes one reply to its client.
type replyWriter struct {
	w          http.ResponseWriter
	rc         *http.ResponseController
	player     *player
	writes     Writes
	nextSize   int // index in oddPieceSizes
	hasHeaders bool
	sentBytes  int // of the body
}

// sendReply writes what the player sends, until it ends or the client leaves.
func (s *Simulator) sendReply(w http.ResponseWriter, r *http.Request, p *player) {
	x := &replyWriter{
		w: w, rc: http.NewResponseController(w), player: p, writes: s.opts.Writes, nextSize: p.turn.Number,
	}
	if p.reply.Writes != 0 {
		x.writes = p.reply.Writes
	}
	// Close must not wait for a client that does not read.
	stop := context.AfterFunc(s.ctx, func() { _ = x.rc.SetWriteDeadline(time.Now()) })
	defer stop()
	defer p.queue.close()
	var b batch
	for {
		b = x.cutBatch(p.queue.take(b))
		if err := x.writeBatch(b); err != nil {
			s.markClientGone(p.turn)
			return
		}
		if b.end != endNone {
			x.finish(b.end)
			return
		}
		select {
		case <-p.queue.wake:
		case <-r.Context().Done():
			s.markClientGone(p.turn)
			return
		}
	}
}

// cutBatch cuts a batch at Reply.CutAfter.
func (x *replyWriter) cutBatch(b batch) batch {
	limit := x.player.reply.CutAfter
	if limit > 0 && x.sentBytes+len(b.bytes) >= limit {
		b.bytes, b.end = b.bytes[:limit-x.sentBytes], endCut
	}
	x.sentBytes += len(b.bytes)
	return b
}

func (x *replyWriter) writeBatch(b batch) error {
	if !b.withHeaders && len(b.bytes) == 0 {
		return nil
	}
	x.writeHeaders()
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

// pieceEnd returns the end of the write that begins at start. It removes the frames of the write from
// b.frameEnds.
func (x *replyWriter) pieceEnd(b *batch, start int) int {
	if x.writes == OddPieces {
		x.nextSize++
		return min(start+oddPieceSizes[x.nextSize%len(oddPieceSizes)], len(b.bytes))
	}
	n := min(int(x.writes), len(b.frameEnds))
	end := min(b.frameEnds[n-1], len(b.bytes))
	b.frameEnds = b.frameEnds[n:]
	return end
}

// writeHeaders writes status and headers, at its first call only.
func (x *replyWriter) writeHeaders() {
	if x.hasHeaders {
		return
	}
	x.hasHeaders = true
	h, r := x.w.Header(), x.player.reply
	status := http.StatusOK
	if r.isPlain() {
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
		h.Set("X-Chat-Task-Id", x.player.turn.TaskID)
		if r.ContentType != "" {
			h.Set("Content-Type", r.ContentType)
		}
	}
	maps.Copy(h, r.Header)
	x.w.WriteHeader(status)
}

// flush sends what was written. It returns no error when the ResponseWriter cannot flush.
func (x *replyWriter) flush() error {
	if err := x.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// finish ends the reply.
func (x *replyWriter) finish(end ending) {
	switch end {
	case endComplete:
		x.writeHeaders()
	default:
		closeConnection(x.w, end == endReset)
	}
}

// closeConnection closes the connection in the middle of a reply, with or without a TCP reset.
func closeConnection(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// In HTTP/2 a handler cannot take the connection. This panic makes net/http reset the stream, and
		// net/http does not log it.
		panic(http.ErrAbortHandler)
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok && reset {
		_ = t.SetLinger(0) // without it the connection is closed anyway
	}
	_ = conn.Close()
}
