package simulator

import "sync"

// outbox is between the one who makes an answer and the one who sends it. It never
// blocks the maker: the platform goes on whether or not its client reads.
type outbox struct {
	wake  chan struct{} // holds a token when there is something to take
	taken chan struct{} // holds a token when something was taken since the last look
	left  chan struct{} // closed when nobody takes any more

	mu    sync.Mutex
	ready batch
	gone  bool
}

// batch is a part of a reply.
type batch struct {
	bytes []byte
	ends  []int // where in bytes frames end
	head  bool  // send the headers, if they are not out yet
	end   ending
}

// ending is what comes after a batch.
type ending uint8

const (
	notYet ending = iota
	whole
	cutOff
	resetOff
)

func newOutbox() *outbox {
	return &outbox{wake: make(chan struct{}, 1), taken: make(chan struct{}, 1), left: make(chan struct{})}
}

// put adds a part. What comes after an ending, or when nobody takes any more, is
// dropped.
func (o *outbox) put(b batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone || o.ready.end != notYet {
		return
	}
	for _, e := range b.ends {
		o.ready.ends = append(o.ready.ends, len(o.ready.bytes)+e)
	}
	o.ready.bytes = append(o.ready.bytes, b.bytes...)
	o.ready.head = o.ready.head || b.head
	o.ready.end = b.end
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// take returns what has been put since, and reuses the memory of an earlier batch.
func (o *outbox) take(used batch) batch {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.ready
	o.ready = batch{bytes: used.bytes[:0], ends: used.ends[:0]}
	if len(b.bytes) > 0 {
		select {
		case o.taken <- struct{}{}:
		default:
		}
	}
	return b
}

// leave says that nobody takes any more.
func (o *outbox) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone = true
	o.ready = batch{}
	close(o.left)
}
