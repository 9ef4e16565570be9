package conversation

import (
	"sync"

	"achuan/internal/chat"
)

// session is what the engine knows of a platform session. Its owner and id never
// change; the rest is touched only by whoever holds the session's place in the
// queue.
type session struct {
	id     int64
	caller string // chat.Caller.ID of its owner
	made   bool   // achuan made it, so its settings may go back to the preset

	preset   chat.Settings // what a request that names nothing means
	platform chat.Session  // the object and the settings last known to be in force
	known    bool          // platform.Settings is what the platform has now
	unseen   bool          // the end of its last turn was not seen
}

// name is a session name of a caller's own. It means one model's session.
type name struct{ caller, model, name string }

// named is what a name stands for.
type named struct {
	session int64 // the session last answered; 0 before there is one
	history bool  // the name came with a history once: a lone message opens a new chat
}

// alias is an id that a caller may still hold for a session that was replaced.
type alias struct {
	caller string
	id     int64
}

// registry remembers sessions, names and aliases for as long as the process
// lives. Everything the engine remembers is behind its methods.
type registry struct {
	mu       sync.RWMutex
	sessions map[int64]*session
	names    map[name]named
	aliases  map[alias]int64
}

func newRegistry() *registry {
	return &registry{
		sessions: make(map[int64]*session),
		names:    make(map[name]named),
		aliases:  make(map[alias]int64),
	}
}

// session returns what is known of the id, following the caller's aliases.
func (g *registry) session(caller string, id int64) *session {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for range len(g.aliases) + 1 {
		next, ok := g.aliases[alias{caller, id}]
		if !ok {
			break
		}
		id = next
	}
	return g.sessions[id]
}

// add remembers a session. One that is known already stays as it is and is
// returned, so that two discoveries of one session meet in one value.
func (g *registry) add(s *session) *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	if old, ok := g.sessions[s.id]; ok {
		return old
	}
	g.sessions[s.id] = s
	return s
}

// replace forgets old, whose place next has taken, and every name that meant old
// means next. With keep, the old id goes on to work as an alias.
func (g *registry) replace(old, next *session, keep bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.sessions, old.id)
	if keep {
		g.aliases[alias{old.caller, old.id}] = next.id
	}
	for n, v := range g.names {
		if v.session == old.id {
			v.session = next.id
			g.names[n] = v
		}
	}
}

func (g *registry) name(n name) named {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.names[n]
}

// rename makes n mean the session. history is remembered for good.
func (g *registry) rename(n name, session int64, history bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names[n] = named{session, history || g.names[n].history}
}
