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
	life   time.Duration
	needed bool // the store has leases: other processes use it, too

	mu  sync.Mutex
	all map[Token]*lease
}

type lease struct {
	until         time.Time // that it surely lasts
	isOver        bool      // its turn has ended
	pendingWrites int       // writes under it that are not committed yet: they keep it
}

// begin notes a lease that the store gave after the moment asked.
func (l *leases) begin(token Token, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.of(token)
	it.until, it.isOver = asked.Add(l.life), false
}

// of returns the lease of a taking; l.mu is held.
func (l *leases) of(token Token) *lease {
	if l.all == nil {
		l.all = make(map[Token]*lease)
	}
	if l.all[token] == nil {
		l.all[token] = new(lease)
	}
	return l.all[token]
}

func (l *leases) drop(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if it := l.all[token]; it != nil {
		it.isOver = true
		l.forget(token, it)
	}
}

// forget drops a lease that is not needed any more; l.mu is held.
func (l *leases) forget(token Token, it *lease) {
	if it.isOver && it.pendingWrites == 0 {
		delete(l.all, token)
	}
}

func (l *leases) addWrite(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all[token] == nil {
		l.of(token).isOver = true // nothing else is under it
	}
	l.of(token).pendingWrites++
}

func (l *leases) removeWrite(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.of(token)
	it.pendingWrites--
	l.forget(token, it)
}

// held reports whether the lease still has some time to run: a process that was
// paused may find that it has not. Without leases, what was taken is held.
func (l *leases) held(token Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	it := l.all[token]
	return it != nil && (!l.needed || time.Until(it.until) > l.life/8)
}

func (l *leases) tokens() []Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.all))
}

// extend prolongs all leases. Those that the store has given up are not held any
// more; what they were for finds that out by itself.
func (l *leases) extend(ctx context.Context, store Store) error {
	if !l.needed {
		return nil
	}
	tokens := l.tokens()
	if len(tokens) == 0 {
		tokens = []Token{{}} // nobody's: a process that holds nothing notices, too, that the store is away
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
			it.until = asked.Add(l.life)
		}
	}
	for _, token := range gone {
		if it := l.all[token]; it != nil {
			it.until = time.Time{}
		}
	}
	return nil
}
