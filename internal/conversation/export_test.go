package conversation

import "achuan/internal/chat"

// Held counts what the engine holds: leases, turns, and queues for sessions and names.
func (e *Engine) Held() int {
	n := len(e.leases.tokens()) + e.sessions.length() + e.names.length()
	e.liveTurns.Range(func(any, any) bool { n++; return true })
	return n
}

func (q *queue[K]) length() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.lines)
}

// HeadOfFirstRelease returns the head that the first release computed.
func HeadOfFirstRelease(caller, host string, scope NameKey, messages ...chat.Message) Hash {
	return headOfFirstRelease(caller, host, scope, messages)
}

// IsTimed reports whether the time of a turn without a client is running.
func (a *Answer) IsTimed() bool {
	p := &a.turn.clientState
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.timer != nil
}

// Fingerprint returns the fingerprint of a request's first choice.
func (e *Engine) Fingerprint(r *chat.Request) Hash { return fingerprintAt(e.opts.Host, r, 0) }

// fingerprintAt returns the fingerprint of a request to a host.
func fingerprintAt(host string, r *chat.Request, choice int) Hash {
	return fingerprint(r, choice, readUsual(r, host, nil).split.whole)
}

// IsSentIn reports whether a stored question is the text that was sent, with or without the preamble.
func IsSentIn(text, question, preamble string) bool {
	return describeText(text).isIn(question, preamble)
}
