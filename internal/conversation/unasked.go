package conversation

import "sync"

// maxUnasked bounds the number of turns in unaskedTurns.
const maxUnasked = 4096

// unaskedTurns remembers the turns of this process that ended before their question was sent.
// When a call to the store was interrupted, a session may stay taken for such a turn, as if its
// process had died. A repetition does not wait for a record of its question then.
type unaskedTurns struct {
	mu     sync.Mutex
	tokens map[Token]bool
	queue  []Token // oldest first
}

func (u *unaskedTurns) add(token Token) {
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

func (u *unaskedTurns) has(token Token) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.tokens[token]
}
