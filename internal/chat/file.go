package chat

import (
	"encoding/hex"
	"errors"
	"io"
	"time"
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
	// Text is the content of a file that achuan has made of a text. Its bytes are nowhere else.
	Text string
	// Source says where the bytes come from, as a client gave it. It is nil when the fields above
	// are known.
	Source *FileSource
}

// IsPicture reports whether the file is a picture.
func (f *File) IsPicture() bool { return len(f.Type) > 6 && f.Type[:6] == "image/" }

// FileSource is a file as a client sends it: exactly one of Base64, URL and ID is set.
type FileSource struct {
	Base64 []byte // the bytes in base64; aliases the body of the request
	URL    string // of http or https
	ID     string // of an UploadedFile of the caller
	Type   string // the media type that the client claims; "" for none
	Name   string // the name that the client gives; "" for none
	// IsPicture says that the client calls it a picture, so that a document is refused.
	IsPicture bool
	Path      string // of the part in the request, for errors, such as messages[0].content[1].image_url.url
}

// UploadedFile is a file that a caller has uploaded, to name it by its ID in requests.
type UploadedFile struct {
	File
	ID      string // file- and 32 hexadecimal digits
	Purpose string // as the client says: user_data, vision or assistants
	Created time.Time
	Expires time.Time // zero for never
}

// The errors of a registry of uploaded files.
var (
	ErrNoFile       = errors.New("the caller has no such file")
	ErrTooManyFiles = errors.New("the caller has too many files")
)

// FileQuery selects a page of the files of a caller.
type FileQuery struct {
	Purpose string // "" for all
	After   string // the ID of the last file of the page before; "" for the first page
	Limit   int
	Oldest  bool // the oldest file comes first, not the newest
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
