package conversation

import (
	"context"
	"errors"
	"sync"
)

// owed are ends of turns that could not be committed. Their sessions stay taken,
// and so match nothing, until the store is back; then they become what they are.
// Should their leases run out before that, they are dirty.
type owed struct {
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

// settle commits what is owed, in order, until the store fails again.
func (e *Engine) settle(ctx context.Context) error {
	e.owed.mu.Lock()
	defer e.owed.mu.Unlock()
	for len(e.owed.saves) > 0 {
		s := e.owed.saves[0]
		if err := e.Store.Save(ctx, s); err != nil && !errors.Is(err, ErrNotHeld) {
			return err
		}
		e.leases.settled(s.Token)
		e.owed.saves = e.owed.saves[1:]
	}
	return nil
}
