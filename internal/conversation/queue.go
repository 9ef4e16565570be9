package conversation

import (
	"context"
	"sync"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

const (
	maxWaiting = 16               // requests that wait for one session, without the running one
	maxWait    = 60 * time.Second // of one request, in all queues together
	busyRetry  = 5 * time.Second  // Retry-After of session_busy
)

// queue lets one holder at a time have a key. The others wait, first come, first served. A key
// without a holder takes no memory.
type queue[K comparable] struct {
	metrics *telemetry.Metrics

	mu    sync.Mutex
	lines map[K]*line
}

type line struct {
	waiting []chan struct{} // each is closed when its waiter gets the key
}

// take waits until the caller holds key, and returns the function that releases it. It fails with
// session_busy when too many wait or when until has passed, and with ctx's cause when ctx ends.
func (q *queue[K]) take(ctx context.Context, key K, until time.Time) (release func(), err error) {
	turn, err := q.join(key)
	if err != nil {
		return nil, err
	}
	release = sync.OnceFunc(func() { q.pass(key) })
	if turn == nil {
		return release, nil
	}
	began, outcome := time.Now(), telemetry.WaitServed
	q.metrics.WaitBegan()
	defer func() { q.metrics.WaitEnded(time.Since(began), outcome) }()
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-turn:
		if ctx.Err() != nil {
			release()
			return nil, context.Cause(ctx)
		}
		return release, nil
	case <-ctx.Done():
		err, outcome = context.Cause(ctx), telemetry.WaitLeft
	case <-timer.C:
		err, outcome = busyError(), telemetry.WaitBusy
	}
	if !q.leave(key, turn) { // the key became ours meanwhile
		release()
	}
	return nil, err
}

// tryTake takes a key that has no holder.
func (q *queue[K]) tryTake(key K) (release func(), ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, held := q.lines[key]; held {
		return nil, false
	}
	q.addLine(key)
	return sync.OnceFunc(func() { q.pass(key) }), true
}

// addLine makes the caller the holder of a key. The caller holds q.mu.
func (q *queue[K]) addLine(key K) {
	if q.lines == nil {
		q.lines = make(map[K]*line)
	}
	q.lines[key] = &line{}
}

// join takes the key at once and returns nil, or it waits in line and returns a channel that is
// closed when the caller gets the key.
func (q *queue[K]) join(key K) (chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, held := q.lines[key]
	if !held {
		q.addLine(key)
		return nil, nil
	}
	if len(l.waiting) >= maxWaiting {
		return nil, busyError()
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	return turn, nil
}

// pass gives the key to the next in line.
func (q *queue[K]) pass(key K) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[key]
	if len(l.waiting) == 0 {
		delete(q.lines, key)
		return
	}
	close(l.waiting[0])
	l.waiting = l.waiting[1:]
}

// leave removes a waiter from the line. It returns false when the waiter is no longer in it.
func (q *queue[K]) leave(key K, turn chan struct{}) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lines[key]
	for i, w := range l.waiting {
		if w == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}

func busyError() *chat.Error {
	return &chat.Error{
		Kind: chat.KindConflict, Code: chat.CodeSessionBusy, RetryAfter: busyRetry,
		Message: "The session is answering another request. Wait for that answer, or leave the session id out to start a session of its own.",
	}
}
