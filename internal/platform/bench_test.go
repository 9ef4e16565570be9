package platform

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
)

// longStream is a stream of n pieces, some of them with escapes, and its end.
func longStream(n int) []byte {
	var b strings.Builder
	for i := range n {
		switch i % 4 {
		case 0:
			b.WriteString(deltaEvent(`line\n`))
		case 1:
			b.WriteString(deltaEvent("你好"))
		default:
			b.WriteString(deltaEvent(" token"))
		}
	}
	return []byte(b.String() + doneEvent)
}

// newReplayStream returns a stream that reads the given bytes, without a connection.
func newReplayStream(c *Client, w *deadline, in []byte) *stream {
	return c.newStream(w, c.observe(w.ctx, endpoint{}), io.NopCloser(bytes.NewReader(in)))
}

func drainStream(tb testing.TB, s *stream) (events int) {
	for {
		ev, err := s.Next()
		if err != nil {
			tb.Fatal(err)
		}
		events++
		if ev.Kind == chat.EventDone {
			return events
		}
	}
}

// BenchmarkStream reads answers of a thousand frames; an operation is one frame.
func BenchmarkStream(b *testing.B) {
	const frames = 1000
	in := longStream(frames)
	c := newTestClient(b, Options{CompletionsURL: "http://platform.test/api/chat/completions"})
	w := newDeadline(b.Context(), time.Hour)
	defer w.stop()
	b.SetBytes(int64(len(in)) / frames)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += frames {
		drainStream(b, newReplayStream(c, w, in))
	}
}

// A frame allocates no memory. The few allocations of an answer do not depend on its length.
func TestStreamAllocations(t *testing.T) {
	const frames = 1000
	in := longStream(frames)
	c := newTestClient(t, Options{CompletionsURL: "http://platform.test/api/chat/completions"})
	w := newDeadline(t.Context(), time.Hour)
	defer w.stop()
	if n := testing.AllocsPerRun(20, func() { drainStream(t, newReplayStream(c, w, in)) }); n > 50 {
		t.Errorf("reading %[2]d frames made %[1]v allocations, want at most 50", n, frames)
	}
}

func BenchmarkDecodeDelta(b *testing.B) {
	payload := []byte(`{"id":"2011624502055669760","type":"string","data":"lo \u003cb\u003e 你好","code":0}`)
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		_, scratch, _ = decodeDelta(payload, scratch)
	}
}

func BenchmarkDecodeFrame(b *testing.B) {
	payload := []byte(strings.TrimPrefix(strings.TrimSpace(recordEvent("Hello there")), "data: "))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeFrame(payload); err != nil {
			b.Fatal(err)
		}
	}
}
