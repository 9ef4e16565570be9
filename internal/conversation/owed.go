package conversation

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// owed are ends of turns that could not be committed. Their sessions stay taken,
// and so match nothing, until the store is back; then they become what they are.
// Should their leases run out before that, they are dirty.
type owed struct {
	settling atomic.Bool

	mu    sync.Mutex
	saves []Save
}

// mostOwed bounds what is kept while the store is away.
const mostOwed = 10_000

// owe keeps an end of a turn for later, and its lease alive.
func (e *Engine) owe(s Save) {
	e.owed.mu.Lock()
	defer e.owed.mu.Unlock()
	if len(e.owed.saves) < mostOwed {
		e.owed.saves = append(e.owed.saves, s)
		e.leases.owe(s.Token)
	}
}

// settle commits what is owed, in order, until the store fails again. One goroutine
// does so at a time; others need not wait for it.
func (e *Engine) settle(ctx context.Context) error {
	if !e.owed.settling.CompareAndSwap(false, true) {
		return nil
	}
	defer e.owed.settling.Store(false)
	for {
		s, ok := e.owed.first()
		if !ok {
			return nil
		}
		if err := e.Store.Save(ctx, s); err != nil && !errors.Is(err, ErrNotHeld) {
			return err
		}
		e.owed.drop()
		e.leases.settled(s.Token)
	}
}

func (o *owed) first() (Save, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.saves) == 0 {
		return Save{}, false
	}
	return o.saves[0], true
}

func (o *owed) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.saves = o.saves[1:]
}
