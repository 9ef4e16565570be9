package media

import (
	"bytes"
	"io"
	"io/fs"
	"sync"
	"time"

	"achuan/internal/chat"
)

// Memory keeps blobs in memory, for the demo and for tests. It drops those that were used least
// recently when they take more than its room.
type Memory struct {
	room int64 // bytes

	mu    sync.Mutex
	used  int64
	blobs map[chat.Digest]*memoryBlob
}

type memoryBlob struct {
	bytes   []byte
	lastUse time.Time
}

// NewMemory returns an empty store for blobs of at most room bytes in all.
func NewMemory(room int64) *Memory {
	return &Memory{room: room, blobs: map[chat.Digest]*memoryBlob{}}
}

// Create begins a blob.
func (m *Memory) Create() (Draft, error) { return &memoryDraft{memory: m}, nil }

// Open opens a blob.
func (m *Memory) Open(d chat.Digest) (io.ReadCloser, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.blobs[d]
	if !ok {
		return nil, 0, fs.ErrNotExist
	}
	b.lastUse = time.Now()
	return io.NopCloser(bytes.NewReader(b.bytes)), int64(len(b.bytes)), nil
}

// Used returns the bytes of all blobs.
func (m *Memory) Used() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

type memoryDraft struct {
	bytes.Buffer
	memory *Memory
}

func (d *memoryDraft) Keep(digest chat.Digest) error {
	m := d.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if b, ok := m.blobs[digest]; ok {
		b.lastUse = time.Now()
		return nil
	}
	size := int64(d.Len())
	for m.used+size > m.room && m.dropOldest() {
	}
	m.blobs[digest] = &memoryBlob{bytes.Clone(d.Bytes()), time.Now()}
	m.used += size
	return nil
}

func (d *memoryDraft) Drop() {}

// dropOldest drops the blob that was used least recently, if there is one. The caller holds m.mu.
func (m *Memory) dropOldest() bool {
	var oldest chat.Digest
	var at *memoryBlob
	for d, b := range m.blobs {
		if at == nil || b.lastUse.Before(at.lastUse) {
			oldest, at = d, b
		}
	}
	if at == nil {
		return false
	}
	delete(m.blobs, oldest)
	m.used -= int64(len(at.bytes))
	return true
}
