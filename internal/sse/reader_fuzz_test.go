package sse

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

// chunkedReader is a reader whose reads have the sizes that the fuzzer chooses.
type chunkedReader struct {
	text  []byte
	sizes []byte // sizes of the reads minus 1, used again from the start
	i     int
}

func (c *chunkedReader) Read(b []byte) (int, error) {
	if len(c.text) == 0 {
		return 0, io.EOF
	}
	n := len(b)
	if len(c.sizes) > 0 {
		n = min(n, 1+int(c.sizes[c.i%len(c.sizes)]))
		c.i++
	}
	n = copy(b[:n], c.text)
	c.text = c.text[n:]
	return n, nil
}

// splitPayloads does the same as the reader, in a simple way, with the whole text.
func splitPayloads(text []byte, maxLine int) ([]string, error) {
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

// FuzzReader compares the reader with splitPayloads for each size of the reads.
func FuzzReader(f *testing.F) {
	f.Add([]byte(mixedStream), []byte{0}, uint16(1000))
	f.Add([]byte(mixedStream), []byte{2, 0, 40}, uint16(30))
	f.Add([]byte("data: a\r\n\r\ndata:b\r\r\n:c"), []byte{}, uint16(9))
	f.Add([]byte("\xef\xbb"), []byte{0}, uint16(0))
	f.Fuzz(func(t *testing.T, text, cuts []byte, maxLine uint16) {
		want, wantErr := splitPayloads(text, int(maxLine))
		got, err := readAll(NewReader(&chunkedReader{text: text, sizes: cuts}, int(maxLine)))
		if !slices.Equal(got, want) || err != wantErr {
			t.Errorf("readAll(%q) = %q, %v; want %q, %v", text, got, err, want, wantErr)
		}
	})
}
