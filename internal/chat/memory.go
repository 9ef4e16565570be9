package chat

// memoryStep is the number of bytes that a MemoryCount takes at once. So most events of an
// answer take nothing, and a short answer takes nothing at all.
const memoryStep = 64 << 10

// MemoryCount takes the memory for one part of the work on an answer, as that part grows. It
// never returns any: the owner of the memory does. One goroutine uses it at a time.
type MemoryCount struct {
	Take func(bytes int64) error // see Request.TakeMemory; nil takes nothing

	size, taken int64 // bytes
}

// Add makes the part n bytes larger. Its error is that of Take.
func (m *MemoryCount) Add(n int64) error {
	m.size += n
	if m.Take == nil || m.size <= m.taken+memoryStep {
		return nil
	}
	more := (m.size - m.taken) / memoryStep * memoryStep
	if err := m.Take(more); err != nil {
		return err
	}
	m.taken += more
	return nil
}
