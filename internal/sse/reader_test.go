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

// mixed has every width of UTF-8, both line ends, comments and junk in it.
const mixed = "\xef\xbb\xbf: hello\n\n" +
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

// readAll returns the payloads of r and the error that ended them.
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
		{name: "one space only is cut", in: "data:  a \n", want: []string{" a "}, err: io.EOF},
		{name: "empty payload", in: "data:\ndata: \n", want: []string{"", ""}, err: io.EOF},
		{name: "one event a field, blank line or not", in: "data: a\ndata: b\n", want: []string{"a", "b"}, err: io.EOF},
		{name: "CRLF", in: "data: a\r\n\r\ndata: b\r\n", want: []string{"a", "b"}, err: io.EOF},
		{name: "a CR inside a line stays", in: "data: a\rb\r\r\n", want: []string{"a\rb\r"}, err: io.EOF},
		{name: "last line without a break", in: "data: a\n\ndata: b", want: []string{"a", "b"}, err: io.EOF},
		{name: "last line ends in CR", in: "data: b\r", want: []string{"b"}, err: io.EOF},
		{name: "BOM", in: "\xef\xbb\xbfdata: a\n", want: []string{"a"}, err: io.EOF},
		{name: "BOM only at the start", in: "data: a\n\xef\xbb\xbfdata: b\n", want: []string{"a"}, err: io.EOF},
		{name: "comments and other fields", in: ": c\nevent: e\nid: 1\nretry: 2\n:\ndata: a\n", want: []string{"a"}, err: io.EOF},
		{name: "junk", in: "<html>\ndata\nDATA: x\n data: x\ndatax: y\n\x00\xff\ndata: a\n", want: []string{"a"}, err: io.EOF},
		{name: "mixed", in: mixed, want: mixedPayloads, err: io.EOF},
		{name: "longest line", in: "data: 1234\ndata: 5678\r\n", max: 10, want: []string{"1234", "5678"}, err: io.EOF},
		{name: "line too long", in: "data: 1234\ndata: 56789\ndata: a\n", max: 10, want: []string{"1234"}, err: ErrTooLong},
		{name: "comment too long", in: "data: a\n: 123456789\n", max: 10, want: []string{"a"}, err: ErrTooLong},
		{name: "last line too long", in: "data: 123456", max: 10, err: ErrTooLong},
		{name: "no line may hold anything", in: "\n\r\n\ndata:\n", max: 0, err: ErrTooLong},
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
					t.Errorf("%s: error %v, want %v; payloads (-want +got):\n%s", name, err, tt.err, diff)
				}
			}
		})
	}
}

func TestReaderEverySplit(t *testing.T) {
	for i := range len(mixed) + 1 {
		for j := i; j <= len(mixed); j++ {
			parts := io.MultiReader(strings.NewReader(mixed[:i]), strings.NewReader(mixed[i:j]), strings.NewReader(mixed[j:]))
			got, err := readAll(NewReader(parts, 1<<10))
			if !slices.Equal(got, mixedPayloads) || err != io.EOF {
				t.Fatalf("split at %d and %d: %q, %v", i, j, got, err)
			}
		}
	}
}

func TestReaderGiantPayload(t *testing.T) {
	giant := strings.Repeat("界", 8<<20/3)
	in := "data: small\n\ndata: " + giant + "\n\ndata: after\n\n: more\n"
	r := NewReader(strings.NewReader(in), 16<<20)
	got, err := readAll(r)
	if err != io.EOF || len(got) != 3 || got[0] != "small" || got[1] != giant || got[2] != "after" {
		t.Fatalf("%d payloads, %v", len(got), err)
	}
	if len(r.buf) > keptBuffer {
		t.Errorf("%d bytes of buffer kept after a giant line", len(r.buf))
	}
	if got, err := readAll(NewReader(strings.NewReader(in), 8<<20-100)); err != ErrTooLong || len(got) != 1 {
		t.Errorf("over the limit: %d payloads, %v", len(got), err)
	}
}

func TestReaderErrors(t *testing.T) {
	broken := errors.New("broken")
	in := io.MultiReader(strings.NewReader("data: a\ndata: half"), iotest.ErrReader(broken))
	r := NewReader(in, 100)
	if got, err := readAll(r); err != broken || !slices.Equal(got, []string{"a"}) {
		t.Errorf("%q, %v: a line cut by an error is not an event", got, err)
	}
	if _, err := r.Next(); err != broken {
		t.Errorf("second time: %v", err)
	}
	if _, err := NewReader(nothing{}, 100).Next(); err != io.ErrNoProgress {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

// nothing is a reader that breaks io.Reader's advice.
type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// pieces gives one piece for each Read, to make visible who reads when.
type pieces struct {
	left  []string
	reads int
}

func (p *pieces) Read(b []byte) (int, error) {
	p.reads++
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

func TestReady(t *testing.T) {
	src := &pieces{left: []string{"data: a\n: c\n\ndata: b\n\nevent: x\nda", "ta: c\n", "data: d"}}
	r := NewReader(src, 100)
	step := func(wantReady bool, wantReads int, want string) {
		t.Helper()
		if got := r.Ready(); got != wantReady || r.Ready() != wantReady {
			t.Errorf("before %q: Ready() = %t", want, got)
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
		t.Error("ready at the end")
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("end: %v", err)
	}
}

func TestReadyKeepsPayload(t *testing.T) {
	r := NewReader(strings.NewReader("data: a\ndata: b\n"), 100)
	a, _ := r.Next()
	if !r.Ready() || string(a) != "a" {
		t.Errorf("payload after Ready: %q", a)
	}
}

func TestReaderAllocations(t *testing.T) {
	src := &loop{text: []byte("data: {\"id\":\"1\",\"data\":\"你好\"}\n\n: c\n\n")}
	r := NewReader(src, 1<<20)
	got := testing.AllocsPerRun(10_000, func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations an event", got)
	}
}

// loop repeats a text for ever.
type loop struct {
	text []byte
	at   int
}

func (l *loop) Read(b []byte) (int, error) {
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
	r := NewReader(&loop{text: event}, 1<<20)
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
		t.Errorf("%q", out)
	}
	if got, _ := readAll(NewReader(bytes.NewReader(out), 100)); !slices.Equal(got, mixedPayloads) {
		t.Errorf("read back: %q", got)
	}
}
