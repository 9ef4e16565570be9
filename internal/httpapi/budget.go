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
	// maxBudgetWait is how long a request waits for memory: a short time, because its
	// client is better served by another replica.
	maxBudgetWait = 3 * time.Second
	// overloadedRetryAfter is Retry-After of overloaded.
	overloadedRetryAfter = 5 * time.Second
	// maxSmallLease is the memory in bytes up to which a request may use the share that
	// large ones leave free, so that they do not keep ordinary requests out.
	maxSmallLease = 1 << 20
	// smallShare says which part of the budget large requests leave free: 1/smallShare.
	smallShare = 8
)

// budget bounds the memory that the bodies of all requests in flight take, with what is
// made of them. A nil one bounds nothing. Its lock is for requests that wait alone.
type budget struct {
	total int64 // bytes
	used  atomic.Int64

	waitingCount atomic.Int64 // len(waiting)
	mu           sync.Mutex
	waiting      []*waiter // in the order in which they are served
}

// waiter is a request that waits for memory.
type waiter struct {
	bytes, limit int64
	holdsMemory  bool          // it has some already
	granted      chan struct{} // closed when it has more
}

func newBudget(total int64) *budget {
	if total <= 0 {
		return nil
	}
	return &budget{total: total}
}

// limit is how much may be in use for a request of a size in bytes to get it.
func (b *budget) limit(size int64) int64 {
	if size <= maxSmallLease {
		return b.total
	}
	return b.total - b.total/smallShare
}

// maxLease returns how much of a size in bytes a request gets. Even the largest request
// leaves room for the small ones that are in flight: without it, it would have to wait
// until there are none.
func (b *budget) maxLease(size int64) int64 {
	if size <= maxSmallLease {
		return size
	}
	return min(size, b.total-2*(b.total/smallShare))
}

// tryTake takes memory if no more than limit is in use then.
func (b *budget) tryTake(more, limit int64) bool {
	if b.used.Add(more) <= limit {
		return true
	}
	b.giveBack(more)
	return false
}

// giveBack returns memory and serves who waits for it.
func (b *budget) giveBack(n int64) {
	b.used.Add(-n)
	if b.waitingCount.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grantWaiting()
}

// grantWaiting gives memory to those who wait, as far as it goes; b.mu is held.
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

// enqueue puts a claim into the line. Who holds memory already comes before who does not:
// its end gives back the most.
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
	b.grantWaiting() // what was given back before the line had this one
}

// withdraw takes a claim out of the line. It reports false when it has been served.
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

// lease is the memory of one request. It is given back when its last holder releases
// it. A nil one counts nothing.
type lease struct {
	budget  *budget
	held    int64 // bytes; the request's own goroutine changes it, up to its release
	holders atomic.Int64
}

// newLease returns a lease of nothing, with one holder: the request's own goroutine.
func (b *budget) newLease() *lease {
	if b == nil {
		return nil
	}
	l := &lease{budget: b}
	l.holders.Store(1)
	return l
}

// grow makes the lease at least size bytes. It waits for a short time and then fails
// with overloaded. It counts less than size if the budget is too small for that.
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
		if err := l.budget.waitForGrant(ctx, &waiter{bytes: more, limit: limit, holdsMemory: l.held > 0, granted: make(chan struct{})}); err != nil {
			return err
		}
	}
	l.held += more
	return nil
}

// waitForGrant waits until a claim is served, for a short time.
func (b *budget) waitForGrant(ctx context.Context, c *waiter) error {
	b.enqueue(c)
	timer := time.NewTimer(maxBudgetWait)
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
		return nil // it was served meanwhile
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
	l.budget.giveBack(less)
}

// hold adds a holder, and returns what it calls when it needs the memory no longer.
func (l *lease) hold() (release func()) {
	l.holders.Add(1)
	return sync.OnceFunc(l.release)
}

// release ends one holder's need.
func (l *lease) release() {
	if l != nil && l.holders.Add(-1) == 0 {
		l.budget.giveBack(l.held)
	}
}

func overloadedError() error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeOverloaded, RetryAfter: overloadedRetryAfter,
		Message: "The server has no memory left for another request of this size. Try again in a few seconds.",
	}
}
