package httpapi

import (
	"bytes"
	"sync"
)

// maxPooledSize is the size in bytes above which a buffer does not return to the pool, so
// that one huge request does not make all buffers huge.
const maxPooledSize = 64 << 10

// buffers are used for request bodies and for the text of streams.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func returnBuffer(b *bytes.Buffer) {
	if b.Cap() > maxPooledSize {
		return
	}
	b.Reset()
	buffers.Put(b)
}
