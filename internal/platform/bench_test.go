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

// newAnswerReader returns a function that reads an answer of frames frames, without a connection, and the size of the
// answer in bytes.
func newAnswerReader(tb testing.TB, frames int) (readAnswer func(), size int) {
	in := longStream(frames)
	c := newTestClient(tb, Options{CompletionsURL: "http://platform.test/api/chat/completions"})
	w := newDeadline(tb.Context(), time.Hour)
	tb.Cleanup(w.stop)
	return func() {
		s := c.newStream(w, c.observe(w.ctx, endpoint{}), io.NopCloser(bytes.NewReader(in)))
		eachEvent(tb, s, func(chat.Event) {})
	}, len(in)
}

// BenchmarkStream reads answers of a thousand frames; an operation is one frame.
func BenchmarkStream(b *testing.B) {
	const frames = 1000
	readAnswer, size := newAnswerReader(b, frames)
	b.SetBytes(int64(size) / frames)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += frames {
		readAnswer()
	}
}

// A frame allocates no memory. The few allocations of an answer do not depend on its length.
func TestStreamAllocations(t *testing.T) {
	const frames = 1000
	readAnswer, _ := newAnswerReader(t, frames)
	if n := testing.AllocsPerRun(20, readAnswer); n > 50 {
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
