package simulator

import "sync"

// sendQueue passes the answer from the player to the replyWriter. It never blocks the player, because the platform
// continues an answer even when the client does not read it.
type sendQueue struct {
	wake   chan struct{} // has a value when there is something to take
	taken  chan struct{} // has a value when take has returned bytes since the last receive
	closed chan struct{} // closed when take is not called anymore

	mu       sync.Mutex
	queued   batch
	isClosed bool
}

// batch is a part of a reply.
type batch struct {
	bytes       []byte
	frameEnds   []int // the ends of the frames in bytes
	withHeaders bool  // the headers must be sent now
	end         ending
}

// ending says how the reply ends after a batch.
type ending uint8

const (
	endNone ending = iota
	endComplete
	endCut
	endReset
)

func newSendQueue() *sendQueue {
	return &sendQueue{wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), closed: make(chan struct{})}
}

// put adds a batch. It drops the batch after an ending and after close.
func (o *sendQueue) put(b batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.isClosed || o.queued.end != endNone {
		return
	}
	for _, e := range b.frameEnds {
		o.queued.frameEnds = append(o.queued.frameEnds, len(o.queued.bytes)+e)
	}
	o.queued.bytes = append(o.queued.bytes, b.bytes...)
	o.queued.withHeaders = o.queued.withHeaders || b.withHeaders
	o.queued.end = b.end
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns what was put since the last call. It reuses the memory of used.
func (o *sendQueue) take(used batch) batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.queued
	o.queued = batch{bytes: used.bytes[:0], frameEnds: used.frameEnds[:0]}
	if len(b.bytes) > 0 {
		select {
		case o.taken <- struct{}{}:
		default:
		}
	}
	return b
}

// close says that take is not called anymore.
func (o *sendQueue) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.isClosed = true
	o.queued = batch{}
	close(o.closed)
}
