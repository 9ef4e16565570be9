package store

import "sync"

// absence knows when the store holds no turn at all, which is nearly always: then
// Enter need not ask the database. It is of use where all that is stored passes
// through this process, so over SQLite.
type absence struct {
	mu      sync.Mutex
	sure    bool // there is none
	storing int  // writes under way that may store one
	seen    int  // writes that ended, to tell whether one did between two looks
}

// certain reports whether there is surely no stored turn.
func (a *absence) certain() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sure
}

// begin notes that a turn may be stored from now on, until done is called.
func (a *absence) begin() (done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sure = false
	a.storing++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.storing--
		a.seen++
	}
}

// look is called before the turns are counted; the count is then told to what it
// returns. Nothing is concluded when a turn may have been stored meanwhile.
func (a *absence) look() (counted func(turns int64)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	idle, seen := a.storing == 0, a.seen
	return func(turns int64) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if turns == 0 && idle && a.storing == 0 && a.seen == seen {
			a.sure = true
		}
	}
}
