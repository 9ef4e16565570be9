package conversation

import (
	"context"
	"sync"
	"time"
)

// leases are the takings of this process that the store keeps under a lease, each
// with the moment until which it surely does.
type leases struct {
	life time.Duration

	mu    sync.Mutex
	until map[Token]time.Time
	owed  map[Token]int // takings whose end is not committed yet: kept when they are dropped
}

// begin notes a lease that the store gave after the moment asked.
func (l *leases) begin(token Token, asked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until == nil {
		l.until = make(map[Token]time.Time)
	}
	l.until[token] = asked.Add(l.life)
}

func (l *leases) drop(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed[token] == 0 {
		delete(l.until, token)
	}
}

func (l *leases) owe(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed == nil {
		l.owed = make(map[Token]int)
	}
	l.owed[token]++
}

func (l *leases) settled(token Token) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owed[token]--; l.owed[token] <= 0 {
		delete(l.owed, token)
		delete(l.until, token)
	}
}

// held reports whether the lease still has some time to run: a process that was
// paused may find that it has not.
func (l *leases) held(token Token) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.until[token]) > l.life/8
}

func (l *leases) tokens() []Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]Token, 0, len(l.until))
	for token := range l.until {
		all = append(all, token)
	}
	return all
}

// extend prolongs all leases. Those that the store has given up are not held any
// more; what they were for finds that out by itself.
func (l *leases) extend(ctx context.Context, store Store) error {
	tokens := l.tokens()
	if len(tokens) == 0 {
		return nil
	}
	asked := time.Now()
	gone, err := store.Extend(ctx, tokens)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, token := range tokens {
		if _, still := l.until[token]; still {
			l.until[token] = asked.Add(l.life)
		}
	}
	for _, token := range gone {
		if _, still := l.until[token]; still {
			l.until[token] = time.Time{}
		}
	}
	return nil
}
