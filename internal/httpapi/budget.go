package httpapi

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
)

const (
	// maxBudgetWait is how long a request waits for memory. It is short, because another
	// replica serves the client better.
	//
	// An answer waits less the more requests wait already: see takeForAnswer.
	maxBudgetWait = 3 * time.Second
	// overloadedRetryAfter is the Retry-After of overloaded.
	overloadedRetryAfter = 5 * time.Second
	// maxSmallLease is the size in bytes of a small request. Small requests may use the
	// share that large ones must leave free, so that large ones do not block them.
	maxSmallLease = 1 << 20
	// smallShare is the share of the budget that large requests leave free: 1/smallShare.
	smallShare = 8
)

// budget limits the memory that the bodies of all requests in flight take, with what is
// made of them, and the memory of their answers. A nil budget has no limit. Only requests
// that wait use its lock.
type budget struct {
	total int64 // bytes
	used  atomic.Int64

	waitingCount atomic.Int64 // len(waiting)
	mu           sync.Mutex
	waiting      []*waiter // in the order in which they get memory
}

// waiter is a request that waits for memory.
type waiter struct {
	bytes, limit int64
	holdsMemory  bool          // whether it has some already
	granted      chan struct{} // closed when it gets more
}

func newBudget(total int64) *budget {
	if total <= 0 {
		return nil
	}
	return &budget{total: total}
}

// limit returns how many bytes may be in use after a request of that size has got its
// memory.
func (b *budget) limit(size int64) int64 {
	if size <= maxSmallLease {
		return b.total
	}
	return b.total - b.total/smallShare
}

// maxLease returns how many bytes of a size a request gets. Even the largest request
// leaves memory for the small ones in flight. Otherwise it would wait until there are
// none.
func (b *budget) maxLease(size int64) int64 {
	if size <= maxSmallLease {
		return size
	}
	return min(size, b.total-2*(b.total/smallShare))
}

// tryTake takes memory if the bytes in use then stay within limit.
func (b *budget) tryTake(more, limit int64) bool {
	if b.used.Add(more) <= limit {
		return true
	}
	b.release(more)
	return false
}

// release returns memory, and grants it to requests that wait.
func (b *budget) release(n int64) {
	b.used.Add(-n)
	if b.waitingCount.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grantWaiting()
}

// grantWaiting gives memory to the waiting requests while there is enough. The caller
// holds b.mu.
func (b *budget) grantWaiting() {
	b.waiting = slices.DeleteFunc(b.waiting, func(c *waiter) bool {
		if b.used.Add(c.bytes) > c.limit {
			b.used.Add(-c.bytes)
			return false
		}
		b.waitingCount.Add(-1)
		close(c.granted)
		return true
	})
}

// enqueue adds a waiter to the queue. Requests that already hold memory come first,
// because their end returns the most.
func (b *budget) enqueue(c *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := len(b.waiting)
	if c.holdsMemory {
		if i := slices.IndexFunc(b.waiting, func(w *waiter) bool { return !w.holdsMemory }); i >= 0 {
			at = i
		}
	}
	b.waiting = slices.Insert(b.waiting, at, c)
	b.waitingCount.Add(1)
	b.grantWaiting() // memory may have come back before c was in the queue
}

// withdraw removes a waiter from the queue. It reports false if the waiter already has its
// memory.
func (b *budget) withdraw(c *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := slices.Index(b.waiting, c)
	if at < 0 {
		return false
	}
	b.waiting = slices.Delete(b.waiting, at, at+1)
	b.waitingCount.Add(-1)
	return true
}

// lease is the memory of one request. The last holder that releases the lease returns the
// memory. A nil lease counts nothing.
type lease struct {
	budget  *budget
	held    int64        // bytes; only the goroutine of the request changes it
	answers atomic.Int64 // bytes, besides held
	holders atomic.Int64
}

// newLease returns an empty lease with one holder, the goroutine of the request.
func (b *budget) newLease() *lease {
	if b == nil {
		return nil
	}
	l := &lease{budget: b}
	l.holders.Store(1)
	return l
}

// grow makes the lease at least size bytes. It waits for a short time and then fails with
// overloaded. If the whole budget is too small for the size, the lease counts less.
func (l *lease) grow(ctx context.Context, size int64) error {
	if l == nil {
		return nil
	}
	limit := l.budget.limit(size)
	more := l.budget.maxLease(size) - l.held
	if more <= 0 {
		return nil
	}
	if l.budget.waitingCount.Load() > 0 && size > maxSmallLease && l.held == 0 || !l.budget.tryTake(more, limit) {
		w := &waiter{bytes: more, limit: limit, holdsMemory: l.held > 0, granted: make(chan struct{})}
		if err := l.budget.waitForGrant(ctx, w, maxBudgetWait); err != nil {
			return err
		}
	}
	l.held += more
	return nil
}

// waitForGrant waits until a waiter has its memory, at most for the given time.
func (b *budget) waitForGrant(ctx context.Context, c *waiter, wait time.Duration) error {
	b.enqueue(c)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	err := overloadedError()
	select {
	case <-c.granted:
		return nil
	case <-ctx.Done():
		err = checkContext(ctx)
	case <-timer.C:
	}
	if !b.withdraw(c) {
		return nil // it got its memory meanwhile
	}
	return err
}

// shrink makes the lease at most size bytes.
func (l *lease) shrink(size int64) {
	if l == nil || l.held <= size {
		return
	}
	less := l.held - size
	l.held = size
	l.budget.release(less)
}

// hold adds a holder. The holder calls release when it no longer needs the memory.
func (l *lease) hold() (release func()) {
	l.holders.Add(1)
	return sync.OnceFunc(l.release)
}

// takeForAnswer takes more memory for the answers of the request. Any goroutine of a holder
// may call it. It waits for a short time and then fails with overloaded. The more requests
// wait already, the shorter it waits: the answers that began to wait last fail first, and
// the others get that memory instead of failing at the same time.
func (l *lease) takeForAnswer(more int64) error {
	if l == nil {
		return nil
	}
	limit := l.budget.limit(l.answers.Add(more))
	if l.budget.tryTake(more, limit) {
		return nil
	}
	w := &waiter{bytes: more, limit: limit, holdsMemory: true, granted: make(chan struct{})}
	wait := maxBudgetWait / time.Duration(1+l.budget.waitingCount.Load())
	if l.budget.waitForGrant(context.Background(), w, wait) != nil {
		l.answers.Add(-more)
		return longAnswerError()
	}
	return nil
}

// shrinkAnswers makes the memory for the answers at most size bytes. No answer grows any
// more.
func (l *lease) shrinkAnswers(size int64) {
	if l == nil {
		return
	}
	if less := l.answers.Load() - size; less > 0 {
		l.answers.Add(-less)
		l.budget.release(less)
	}
}

// release removes one holder.
func (l *lease) release() {
	if l != nil && l.holders.Add(-1) == 0 {
		l.budget.release(l.held + l.answers.Load())
	}
}

func overloadedError() error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeOverloaded, RetryAfter: overloadedRetryAfter,
		Message: "The server has no memory left for another request of this size. Try again in a few seconds.",
	}
}

// longAnswerError is the error of an answer that ends here, unfinished.
func longAnswerError() error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeOverloaded, RetryAfter: overloadedRetryAfter,
		Message: "The server has no memory left for the rest of this answer. Try again in a few seconds.",
	}
}
