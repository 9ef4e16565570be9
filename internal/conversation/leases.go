package conversation

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// leases are the takings of this process that the store keeps under a lease.
type leases struct {
	duration time.Duration
	isNeeded bool // the store has leases, because other processes use it too

	mu  sync.Mutex
	all map[Token]*lease
}

type lease struct {
	expires       time.Time // until then it certainly lasts
	isOver        bool      // its turn has ended
	pendingWrites int       // writes under it that are not committed yet; they keep the lease
}

// begin records a lease that the store gave after the moment asked.
func (l *leases) begin(token Token, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.leaseOf(token)
	it.expires, it.isOver = asked.Add(l.duration), false
}

// leaseOf returns the lease of a taking, and adds it when there is none. The caller holds l.mu.
func (l *leases) leaseOf(token Token) *lease {
	if l.all == nil {
		l.all = make(map[Token]*lease)
	}
	if l.all[token] == nil {
		l.all[token] = new(lease)
	}
	return l.all[token]
}

// drop records that the turn of a taking has ended.
func (l *leases) drop(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if it := l.all[token]; it != nil {
		it.isOver = true
		l.dropUnneeded(token, it)
	}
}

// dropUnneeded deletes a lease when its turn and its writes have ended. The caller holds l.mu.
func (l *leases) dropUnneeded(token Token, it *lease) {
	if it.isOver && it.pendingWrites == 0 {
		delete(l.all, token)
	}
}

// addWrite keeps the lease of a taking until removeWrite is called as often.
func (l *leases) addWrite(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[token] == nil {
		l.leaseOf(token).isOver = true // the write is all that needs it
	}
	l.leaseOf(token).pendingWrites++
}

func (l *leases) removeWrite(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.leaseOf(token)
	it.pendingWrites--
	l.dropUnneeded(token, it)
}

// isHeld reports whether the lease has time left. A process that was paused may find that it has
// not. Without leases, everything that was taken is held.
func (l *leases) isHeld(token Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.all[token]
	return it != nil && (!l.isNeeded || time.Until(it.expires) > l.duration/8)
}

func (l *leases) tokens() []Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.all))
}

// extend extends all leases. It marks those that the store has ended as expired; the turns that
// need them find that out.
func (l *leases) extend(ctx context.Context, store Store) error {
	if !l.isNeeded {
		return nil
	}
	tokens := l.tokens()
	if len(tokens) == 0 {
		tokens = []Token{{}} // of no taking: a process that holds nothing also notices when the store is unavailable
	}
	asked := time.Now()
	gone, err := store.Extend(ctx, tokens)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, token := range tokens {
		if it := l.all[token]; it != nil {
			it.expires = asked.Add(l.duration)
		}
	}
	for _, token := range gone {
		if it := l.all[token]; it != nil {
			it.expires = time.Time{}
		}
	}
	return nil
}
