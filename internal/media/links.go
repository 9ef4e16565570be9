package media

import (
	"sync"

	"achuan/internal/chat"
)

// The bounds of a linkMemory: 4 MB in all.
const (
	maxLinks         = 2_000
	maxKnownLinkSize = 2 << 10 // bytes; longer links are not remembered
)

// linkKey is a link that a caller has sent. Another caller's link is another one: it may contain a
// secret.
type linkKey struct{ caller, url string }

// linkMemory remembers which files links led to. It forgets the links that it has known for longest.
type linkMemory struct {
	mu    sync.Mutex
	files map[linkKey]chat.File
	order []linkKey // oldest first
}

func (m *linkMemory) remember(key linkKey, f chat.File) {
	if len(key.url) > maxKnownLinkSize {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files == nil {
		m.files = map[linkKey]chat.File{}
	}
	if _, isKnown := m.files[key]; !isKnown {
		if len(m.order) == maxLinks {
			delete(m.files, m.order[0])
			m.order = append(m.order[:0], m.order[1:]...)
		}
		m.order = append(m.order, key)
	}
	m.files[key] = f
}

func (m *linkMemory) recall(key linkKey) (chat.File, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f, ok := m.files[key]
	return f, ok
}
