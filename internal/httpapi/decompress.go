package httpapi

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"

	"achuan/internal/chat"
)

// acceptedCodings are the content codings of a body, for the reply that refuses another
// one (RFC 9110, 12.5.3).
const acceptedCodings = "gzip, deflate, identity"

// parseCoding returns the only coding that a Content-Encoding header names: "gzip",
// "deflate", or "" for none. It reports false for other codings and for several.
func parseCoding(values []string) (coding string, known bool) {
	for value := range strings.SplitSeq(strings.Join(values, ","), ",") {
		value = strings.ToLower(strings.TrimSpace(value))
		switch value {
		case "", "identity":
			continue
		case "x-gzip":
			value = "gzip"
		case "gzip", "deflate":
		default:
			return "", false
		}
		if coding != "" {
			return "", false
		}
		coding = value
	}
	return coding, true
}

// decompressor reads a compressed body. Its errors besides io.EOF are *chat.Error, or say
// that the client is gone. It reads at most one byte more than maxBytes, so that a small
// body cannot become a huge one.
type decompressor struct {
	io.Closer
	source    *bufio.Reader
	coding    string
	decoder   io.Reader // nil before the first Read
	bytesRead int64     // so far
	maxBytes  int64     // bytes
	err       error     // of the Read that failed
}

func decompress(body io.ReadCloser, coding string, maxSize int64) io.ReadCloser {
	return &decompressor{Closer: body, source: bufio.NewReader(body), coding: coding, maxBytes: maxSize}
}

func (d *decompressor) Read(p []byte) (n int, err error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.decoder == nil {
		if d.decoder, err = d.open(); err != nil {
			d.err = d.readFailure(err)
			return 0, d.err
		}
	}
	if room := d.maxBytes - d.bytesRead + 1; int64(len(p)) > room {
		p = p[:room]
	}
	n, err = d.decoder.Read(p)
	d.bytesRead += int64(n)
	switch {
	case d.bytesRead > d.maxBytes:
		n, d.err = 0, tooLargeError(d.maxBytes)
	case errors.Is(err, io.EOF):
		d.err = d.checkEnd()
	case err != nil:
		d.err = d.readFailure(err)
	}
	if d.err != nil {
		d.decoder, d.source = nil, nil // frees about 40 KiB
	}
	return n, d.err
}

// open returns the decoder. Clients use deflate for zlib data, as in the standard, and for
// the bare stream.
func (d *decompressor) open() (io.Reader, error) {
	if d.coding == "gzip" {
		return gzip.NewReader(d.source)
	}
	head, err := d.source.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return zlib.NewReader(d.source)
	}
	return flate.NewReader(d.source), nil
}

// checkEnd returns io.EOF if nothing follows the compressed data.
func (d *decompressor) checkEnd() error {
	_, err := d.source.ReadByte()
	if err == io.EOF {
		return io.EOF
	}
	return d.readFailure(err)
}

// readFailure returns what an error means for the request. It passes on errors of the
// connection and of the limits.
func (d *decompressor) readFailure(err error) error {
	if _, ours := errors.AsType[*chat.Error](err); ours || errors.Is(err, errClientGone) {
		return err
	}
	e := chat.Invalid(chat.CodeInvalidJSON, "", "The body is not what its Content-Encoding says: it is no whole "+d.coding+" data.")
	e.Cause = err
	return e
}
