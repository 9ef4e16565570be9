package sse

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// mixedStream has characters of each UTF-8 length, both line ends, comments and junk.
const mixedStream = "\xef\xbb\xbf: hello\n\n" +
	"data: {\"data\":\"你好，世界\"}\n\n" +
	"data:{\"data\":\"🙂👩‍👩‍👧 é\"}\r\n\r\n" +
	"event: ping\nid: 7\nretry: 10\n" +
	"data\nData: no\n data: no\ndatax: no\n: data: no\n\r\n" +
	"data:  two spaces \n" +
	"data:\n" +
	"data: 完\r\n" +
	"data: [DONE]"

var mixedPayloads = []string{
	`{"data":"你好，世界"}`, `{"data":"🙂👩‍👩‍👧 é"}`, " two spaces ", "", "完", "[DONE]",
}

// readAll returns all payloads of r and the error after them.
func readAll(r *Reader) ([]string, error) {
	var got []string
	for {
		payload, err := r.Next()
		if err != nil {
			return got, err
		}
		got = append(got, string(payload))
	}
}

func TestReader(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		max      int
		want     []string
		err      error
	}{
		{name: "empty", in: "", err: io.EOF},
		{name: "one", in: "data: a\n\n", want: []string{"a"}, err: io.EOF},
		{name: "no space", in: "data:a\n\n", want: []string{"a"}, err: io.EOF},
		{name: "only one space is removed", in: "data:  a \n", want: []string{" a "}, err: io.EOF},
		{name: "empty payload", in: "data:\ndata: \n", want: []string{"", ""}, err: io.EOF},
		{name: "each field is an event, with or without a blank line", in: "data: a\ndata: b\n", want: []string{"a", "b"}, err: io.EOF},
		{name: "CRLF", in: "data: a\r\n\r\ndata: b\r\n", want: []string{"a", "b"}, err: io.EOF},
		{name: "a CR inside a line stays", in: "data: a\rb\r\r\n", want: []string{"a\rb\r"}, err: io.EOF},
		{name: "last line without a break", in: "data: a\n\ndata: b", want: []string{"a", "b"}, err: io.EOF},
		{name: "last line ends in CR", in: "data: b\r", want: []string{"b"}, err: io.EOF},
		{name: "BOM", in: "\xef\xbb\xbfdata: a\n", want: []string{"a"}, err: io.EOF},
		{name: "BOM only at the start", in: "data: a\n\xef\xbb\xbfdata: b\n", want: []string{"a"}, err: io.EOF},
		{name: "comments and other fields", in: ": c\nevent: e\nid: 1\nretry: 2\n:\ndata: a\n", want: []string{"a"}, err: io.EOF},
		{name: "junk", in: "<html>\ndata\nDATA: x\n data: x\ndatax: y\n\x00\xff\ndata: a\n", want: []string{"a"}, err: io.EOF},
		{name: "mixed", in: mixedStream, want: mixedPayloads, err: io.EOF},
		{name: "longest line", in: "data: 1234\ndata: 5678\r\n", max: 10, want: []string{"1234", "5678"}, err: io.EOF},
		{name: "line too long", in: "data: 1234\ndata: 56789\ndata: a\n", max: 10, want: []string{"1234"}, err: ErrTooLong},
		{name: "comment too long", in: "data: a\n: 123456789\n", max: 10, want: []string{"a"}, err: ErrTooLong},
		{name: "last line too long", in: "data: 123456", max: 10, err: ErrTooLong},
		{name: "only empty lines are accepted", in: "\n\r\n\ndata:\n", max: 0, err: ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limit := tt.max
			if limit == 0 && tt.err != ErrTooLong {
				limit = 1 << 20
			}
			for name, wrap := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader,
				"half": iotest.HalfReader, "data with error": iotest.DataErrReader,
			} {
				got, err := readAll(NewReader(wrap(strings.NewReader(tt.in)), limit))
				if diff := cmp.Diff(tt.want, got); diff != "" || err != tt.err {
					t.Errorf("%s: error = %v, want %v; payloads (-want +got):\n%s", name, err, tt.err, diff)
				}
			}
		})
	}
}

func TestReaderEverySplit(t *testing.T) {
	for i := range len(mixedStream) + 1 {
		for j := i; j <= len(mixedStream); j++ {
			parts := io.MultiReader(
				strings.NewReader(mixedStream[:i]), strings.NewReader(mixedStream[i:j]),
				strings.NewReader(mixedStream[j:]),
			)
			got, err := readAll(NewReader(parts, 1<<10))
			if !slices.Equal(got, mixedPayloads) || err != io.EOF {
				t.Fatalf("reads end at %d and %d: readAll() = %q, %v; want %q, EOF", i, j, got, err, mixedPayloads)
			}
		}
	}
}

func TestReaderLongPayload(t *testing.T) {
	giant := strings.Repeat("界", 8<<20/3)
	in := "data: small\n\ndata: " + giant + "\n\ndata: after\n\n: more\n"
	r := NewReader(strings.NewReader(in), 16<<20)
	got, err := readAll(r)
	if err != io.EOF || len(got) != 3 || got[0] != "small" || got[1] != giant || got[2] != "after" {
		t.Fatalf("readAll() = %d payloads, %v; want the 3 that were written, EOF", len(got), err)
	}
	if len(r.buf) > maxKeptBuffer {
		t.Errorf("buffer after a long line = %d bytes, want at most %d", len(r.buf), maxKeptBuffer)
	}
	if got, err := readAll(NewReader(strings.NewReader(in), 8<<20-100)); err != ErrTooLong || len(got) != 1 {
		t.Errorf("readAll() of a line over the limit = %d payloads, %v; want 1, %v", len(got), err, ErrTooLong)
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("data: a\ndata: half"), iotest.ErrReader(broken))
	r := NewReader(in, 100)
	if got, err := readAll(r); err != broken || !slices.Equal(got, []string{"a"}) {
		t.Errorf("readAll() = %q, %v; want only the line before the error", got, err)
	}
	if _, err := r.Next(); err != broken {
		t.Errorf("second Next() = %v, want %v", err, broken)
	}
	if _, err := NewReader(emptyReader{}, 100).Next(); err != io.ErrNoProgress {
		t.Errorf("Next() without progress = %v, want %v", err, io.ErrNoProgress)
	}
}

// emptyReader reads 0 bytes without an error, which io.Reader discourages.
type emptyReader struct{}

func (emptyReader) Read([]byte) (int, error) { return 0, nil }

// piecesReader returns one piece for each Read and counts the reads.
type piecesReader struct {
	left  []string
	reads int
}

func (p *piecesReader) Read(b []byte) (int, error) {
	p.reads++
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

func TestReady(t *testing.T) {
	src := &piecesReader{left: []string{"data: a\n: c\n\ndata: b\n\nevent: x\nda", "ta: c\n", "data: d"}}
	r := NewReader(src, 100)
	step := func(wantReady bool, wantReads int, want string) {
		t.Helper()
		if got := r.Ready(); got != wantReady || r.Ready() != wantReady {
			t.Errorf("Ready() before %q = %t, want %t", want, got, wantReady)
		}
		got, err := r.Next()
		if err != nil || string(got) != want || src.reads != wantReads {
			t.Errorf("Next() = %q, %v after %d reads; want %q after %d", got, err, src.reads, want, wantReads)
		}
	}
	step(false, 1, "a")
	step(true, 1, "b")
	step(false, 2, "c")
	step(false, 4, "d")
	if r.Ready() {
		t.Error("Ready() at the end = true, want false")
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("Next() at the end = %v, want %v", err, io.EOF)
	}
}

func TestReadyKeepsPayload(t *testing.T) {
	r := NewReader(strings.NewReader("data: a\ndata: b\n"), 100)
	a, _ := r.Next()
	if !r.Ready() || string(a) != "a" {
		t.Errorf("payload after Ready = %q, want %q", a, "a")
	}
}

func TestReaderAllocations(t *testing.T) {
	src := &loopReader{text: []byte("data: {\"id\":\"1\",\"data\":\"你好\"}\n\n: c\n\n")}
	r := NewReader(src, 1<<20)
	got := testing.AllocsPerRun(10_000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("allocations per event = %v, want 0", got)
	}
}

// loopReader repeats a text without end.
type loopReader struct {
	text []byte
	at   int
}

func (l *loopReader) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		c := copy(b[n:], l.text[l.at:])
		n += c
		l.at = (l.at + c) % len(l.text)
	}
	return n, nil
}

func BenchmarkReader(b *testing.B) {
	event := []byte("data: {\"id\":\"2011624502055669760\",\"type\":\"string\",\"data\":\"Hel\",\"code\":0}\n\n")
	r := NewReader(&loopReader{text: event}, 1<<20)
	b.SetBytes(int64(len(event)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAppend(t *testing.T) {
	var out []byte
	out = AppendComment(out, "keep-alive")
	for _, p := range mixedPayloads {
		out = AppendData(out, []byte(p))
	}
	if !bytes.HasPrefix(out, []byte(": keep-alive\n\ndata: {\"data\":\"你好，世界\"}\n\n")) {
		t.Errorf("stream = %q, want a comment and the first payload at its start", out)
	}
	if got, _ := readAll(NewReader(bytes.NewReader(out), 100)); !slices.Equal(got, mixedPayloads) {
		t.Errorf("readAll() of the stream = %q, want %q", got, mixedPayloads)
	}
}

// The owner of the memory hears of each larger buffer before it is made, and can refuse it. Short lines need no larger
// buffer.
func TestReaderNotifiesGrowth(t *testing.T) {
	line := "data: " + strings.Repeat("x", 3<<20) + "\n"
	in := strings.Repeat("data: short\n", 10_000) + line + "data: after\n"
	full := errors.New("full")
	for _, tt := range []struct {
		name  string
		limit int // of the buffer
		want  int // payloads
		err   error
	}{
		{"enough memory", 64 << 20, 10_002, io.EOF},
		{"too little memory", 1 << 20, 10_000, full},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(strings.NewReader(in), 16<<20)
			var sizes []int
			r.NotifyGrowth(func(size int) error {
				sizes = append(sizes, size)
				if len(r.buf) >= size {
					t.Errorf("buffer during grow(%d) = %d bytes, want a smaller one", size, len(r.buf))
				}
				if size > tt.limit {
					return full
				}
				return nil
			})
			got, err := readAll(r)
			if !errors.Is(err, tt.err) || len(got) != tt.want {
				t.Errorf("readAll() = %d payloads, %v, want %d, %v", len(got), err, tt.want, tt.err)
			}
			if len(sizes) == 0 || sizes[0] != 2*maxKeptBuffer || !slices.IsSorted(sizes) {
				t.Errorf("sizes of grow = %v, want rising ones from %d on", sizes, 2*maxKeptBuffer)
			}
			if last := sizes[len(sizes)-1]; tt.want == 10_002 && last > len(line)*5/4+1 {
				t.Errorf("largest buffer = %d bytes, want at most a quarter more than the line of %d", last, len(line))
			}
		})
	}
}

// A reader that waits keeps its small buffer alone, so that thousands of open streams take little memory. While more
// comes than fits it, reads are larger.
func TestReaderWaitsWithSmallBuffer(t *testing.T) {
	source, sink := io.Pipe()
	r := NewReader(source, 1<<20)
	for _, size := range []int{10, 1000, 100_000, 10} {
		go func() {
			_, err := io.WriteString(sink, "data: "+strings.Repeat("x", size)+"\n\n")
			if err != nil {
				t.Error(err)
			}
		}()
		if payload, err := r.Next(); err != nil || len(payload) != size {
			t.Fatalf("Next() = %d bytes, %v, want %d", len(payload), err, size)
		}
	}
	go func() { _ = sink.Close() }()
	if _, err := r.Next(); err != io.EOF {
		t.Fatalf("Next() = %v, want io.EOF", err)
	}
	if len(r.buf) != waitBufferSize {
		t.Errorf("buffer of a reader that waits = %d bytes, want %d", len(r.buf), waitBufferSize)
	}
}
