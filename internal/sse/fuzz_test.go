package sse

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

// cut is a reader that ends its reads where the fuzzer says.
type cut struct {
	text []byte
	at   []byte // lengths of the reads, over and over
	i    int
}

func (c *cut) Read(b []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := len(b)
	if len(c.at) > 0 {
		n = min(n, 1+int(c.at[c.i%len(c.at)]))
		c.i++
	}
	n = copy(b[:n], c.text)
	c.text = c.text[n:]
	return n, nil
}

// plainly is the reader's contract in the shortest words, over a whole text.
func plainly(text []byte, maxLine int) ([]string, error) {
	var got []string
	lines := bytes.Split(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	for i, line := range lines {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) > maxLine {
			return got, ErrTooLong
		}
		if i == 0 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if payload, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			got = append(got, string(bytes.TrimPrefix(payload, []byte(" "))))
		}
	}
	return got, io.EOF
}

// FuzzReader holds the reader to its contract wherever the reads are cut.
func FuzzReader(f *testing.F) {
	f.Add([]byte(mixed), []byte{0}, uint16(1000))
	f.Add([]byte(mixed), []byte{2, 0, 40}, uint16(30))
	f.Add([]byte("data: a\r\n\r\ndata:b\r\r\n:c"), []byte{}, uint16(9))
	f.Add([]byte("\xef\xbb"), []byte{0}, uint16(0))
	f.Fuzz(func(t *testing.T, text, cuts []byte, maxLine uint16) {
		want, wantErr := plainly(text, int(maxLine))
		got, err := readAll(NewReader(&cut{text: text, at: cuts}, int(maxLine)))
		if !slices.Equal(got, want) || err != wantErr {
			t.Errorf("got %q, %v; want %q, %v", got, err, want, wantErr)
		}
	})
}
