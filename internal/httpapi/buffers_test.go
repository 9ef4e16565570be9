package httpapi

import (
	"bytes"
	"testing"
)

func TestBuffersDoNotGrowForGood(t *testing.T) {
	b := bytes.NewBuffer(make([]byte, 0, maxPooledSize+1))
	returnBuffer(b)
	for range 100 {
		if got := takeBuffer(); got == b {
			t.Fatalf("takeBuffer() = a buffer of %d bytes, want a smaller one", got.Cap())
		}
	}
}

// A request does not see what an earlier one wrote to its buffer.
func TestBuffersAreEmpty(t *testing.T) {
	b := takeBuffer()
	b.WriteString("secret")
	returnBuffer(b)
	for range 100 {
		if got := takeBuffer(); got.Len() > 0 {
			t.Fatalf("takeBuffer() = %q, want an empty buffer", got)
		}
	}
}
