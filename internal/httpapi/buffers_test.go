package httpapi

import (
	"bytes"
	"net/http/httptest"
	"testing"
	"time"

	"achuan/internal/openai"
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

// A stream that waits holds no buffer: thousands of streams may wait.
func TestWaitingStreamHoldsNoBuffer(t *testing.T) {
	rec := httptest.NewRecorder()
	p := &streamer{live: newLiveStream(rec, time.Hour, openai.ImageStream{})}
	defer p.live.close()
	p.buffer().WriteString("data: hello\n\n")
	if err := p.flush(); err != nil || rec.Body.String() != "data: hello\n\n" {
		t.Fatalf("flush() = %v with %q sent, want the event sent", err, rec.Body)
	}
	if p.unsent != nil {
		t.Errorf("buffer after flush = %d bytes, want none", p.unsent.Cap())
	}
}
