package chat

import (
	"encoding/hex"
	"io"
)

// Digest is the SHA-256 of the bytes of a file.
type Digest [32]byte

// String returns the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// ParseDigest reads what String returns.
func ParseDigest(s string) (d Digest, ok bool) {
	n, err := hex.Decode(d[:], []byte(s[:min(len(s), 2*len(d)+1)]))
	return d, err == nil && n == len(d)
}

// File is a picture or a document of a message. Its bytes are not part of it: the digest finds
// them.
type File struct {
	Digest Digest
	Type   string // media type, as the bytes show it, such as image/png
	Name   string // with an extension that fits Type, such as photo.png
	Size   int64  // bytes
	// Offset is the number of bytes of the message's text in front of the file.
	Offset int
	// Source says where the bytes come from, as a client gave it. It is nil when the fields above
	// are known.
	Source *FileSource
}

// IsPicture reports whether the file is a picture.
func (f *File) IsPicture() bool { return len(f.Type) > 6 && f.Type[:6] == "image/" }

// FileSource is a file as a client sends it: exactly one of Base64 and URL is set.
type FileSource struct {
	Base64 []byte // the bytes in base64; aliases the body of the request
	URL    string // of http or https
	Type   string // the media type that the client claims; "" for none
	Name   string // the name that the client gives; "" for none
	// IsPicture says that the client calls it a picture, so that a document is refused.
	IsPicture bool
	Path      string // of the part in the request, for errors, such as messages[0].content[1].image_url.url
}

// Content is what a session is sent, or a part of it: a text, and the files to which the text
// refers by their names.
type Content struct {
	Text  string
	Files []File
}

// FileOpener opens the bytes of files.
type FileOpener interface {
	// OpenFile opens the bytes of a file. Errors are *Error.
	OpenFile(f File) (io.ReadCloser, error)
}
