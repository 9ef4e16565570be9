package httpapi

import (
	"bytes"
	"sync"
)

// maxPooledSize is the size from which a buffer is left to the garbage collector: a
// single giant answer or question must not make all the others' buffers giants.
const maxPooledSize = 64 << 10

// buffers are for request bodies and for what goes to clients.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func returnBuffer(b *bytes.Buffer) {
	if b.Cap() > maxPooledSize {
		return
	}
	b.Reset()
	buffers.Put(b)
}
