package media

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"path"
	"time"

	"achuan/internal/chat"
)

const (
	// signatureField is the field of a link's query that has the signature. The digest is the last element
	// of its path.
	signatureField = "sig"
	// signatureSize is the size of a signature in bytes.
	signatureSize = 16
	keepTimeout   = 20 * time.Second
)

// Signer signs links to pictures, so that only those who were given a link can open it.
type Signer struct{ secret []byte }

// NewSigner returns a signer. Replicas with the same secret accept the links of each other.
func NewSigner(secret []byte) *Signer { return &Signer{secret} }

func (s *Signer) sign(d chat.Digest) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte("picture " + d.String()))
	return hex.EncodeToString(mac.Sum(nil)[:signatureSize])
}

// link returns the link to a picture.
func (s *Signer) link(base string, d chat.Digest) string {
	return base + d.String() + "?" + signatureField + "=" + s.sign(d)
}

// check returns the digest that a link is about, if its signature is right.
func (s *Signer) check(digest, signature string) (chat.Digest, bool) {
	d, ok := chat.ParseDigest(digest)
	return d, ok && hmac.Equal([]byte(signature), []byte(s.sign(d)))
}

// parse returns the digest of a link to a picture of this server, whatever its host.
func (s *Signer) parse(link string) (chat.Digest, bool) {
	u, err := url.Parse(link)
	if err != nil {
		return chat.Digest{}, false
	}
	return s.check(path.Base(u.Path), u.Query().Get(signatureField))
}

// KeepPicture stores a copy of a picture that a model has drawn, and returns a link to the copy, which begins
// with base. If there can be no copy, it returns the link of the picture.
func (l *Library) KeepPicture(ctx context.Context, base, link string) string {
	ctx, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	content, _, err := l.download(ctx, link)
	if err != nil {
		return link
	}
	f, err := l.add(bytes.NewReader(content), &chat.FileSource{IsPicture: true})
	if err != nil {
		return link
	}
	return l.signer.link(base, f.Digest)
}

// KeptPicture opens a picture of which a copy was kept. A wrong signature and a picture that is gone are the
// same error, a *chat.Error.
func (l *Library) KeptPicture(
	digest, signature string,
) (content io.ReadCloser, size int64, mediaType string, err error) {
	d, ok := l.signer.check(digest, signature)
	if !ok {
		return nil, 0, "", noPictureError(nil)
	}
	if content, size, err = l.blobs.Open(d); err != nil {
		return nil, 0, "", noPictureError(err)
	}
	mediaType, whole, err := detect(content)
	if err != nil {
		_ = content.Close() // nothing was written to it
		return nil, 0, "", noPictureError(err)
	}
	return readCloser{whole, content}, size, mediaType, nil
}

// readCloser reads from one and closes the other.
type readCloser struct {
	io.Reader
	io.Closer
}

// detect returns the type of a picture, and a reader of all its bytes.
func detect(content io.Reader) (mediaType string, whole io.Reader, err error) {
	head := make([]byte, maxPrefix)
	n, err := io.ReadFull(content, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", nil, err
	}
	mediaType, _, err = identify(head[:n], &chat.FileSource{IsPicture: true})
	return mediaType, io.MultiReader(bytes.NewReader(head[:n]), content), err
}

func noPictureError(cause error) error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeNotFound, Cause: cause,
		Message: "There is no such picture, or not any more.",
	}
}

// fillKept fills in the fields of a file whose link is to a picture that this server has kept. found is false
// for another link.
func (l *Library) fillKept(f *chat.File) (found bool, err error) {
	d, found := l.signer.parse(f.Source.URL)
	if !found {
		return false, nil
	}
	content, size, err := l.blobs.Open(d)
	if err != nil {
		return true, invalidFile(f.Source, "the picture is gone; send its bytes")
	}
	defer func() { _ = content.Close() }() // nothing was written to it
	mediaType, _, err := detect(content)
	if err != nil {
		return true, invalidFile(f.Source, "the picture is gone; send its bytes")
	}
	name := nameFor(f.Source.Name, pictures[mediaType], false)
	*f = chat.File{Digest: d, Type: mediaType, Name: name, Size: size, Offset: f.Offset}
	return true, nil
}
