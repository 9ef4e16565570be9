package conversation

import "sync"

// maxUnasked bounds how many turns unasked remembers.
const maxUnasked = 4096

// unasked remembers the turns of this process that ended before their question was sent.
// When a call to the store was interrupted, a session may stay taken for such a turn, as
// if its process had died: a repetition need not wait for a record of its question then.
type unasked struct {
	mu     sync.Mutex
	tokens map[Token]bool
	queue  []Token // oldest first
}

func (u *unasked) add(token Token) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.tokens == nil {
		u.tokens = make(map[Token]bool)
	}
	if len(u.queue) == maxUnasked {
		delete(u.tokens, u.queue[0])
		u.queue = u.queue[1:]
	}
	u.tokens[token] = true
	u.queue = append(u.queue, token)
}

func (u *unasked) has(token Token) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tokens[token]
}
