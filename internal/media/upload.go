package media

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"

	"achuan/internal/chat"
)

// upload stores the bytes of base64 that comes in pieces.
type upload struct {
	draft   Draft // nil after a failure
	hash    hash.Hash
	head    prefix
	size    int64
	quad    []byte // text that is not decoded yet
	clean   []byte // a buffer for text
	content []byte // a buffer for bytes
	padding bool   // a = has come
	escaped bool   // the piece before ended with a backslash
	reason  string // why the file is refused; "" so far
	err     error  // of the store
}

// uploaded is a stored file that no request refers to yet.
type uploaded struct {
	digest chat.Digest
	size   int64
	head   []byte
	reason string // why the file is refused; "" for a good one
	err    error  // of the store
}

func (l *Library) newUpload() *upload {
	u := &upload{hash: sha256.New()}
	u.draft, u.err = l.blobs.Create()
	return u
}

func (u *upload) drop() {
	if u.draft != nil {
		u.draft.Drop()
		u.draft = nil
	}
}

// write adds a piece of a JSON string that contains base64, in the alphabet of URLs or in the usual
// one.
func (u *upload) write(text []byte) {
	if u.reason != "" || u.err != nil {
		return
	}
	if !u.escaped && !u.padding {
		n := plainLength(text)
		u.writePlain(text[:n])
		text = text[n:]
	}
	if len(text) > 0 {
		u.writeAny(text)
	}
}

// plain are the characters of the usual alphabet, which most base64 consists of.
var plain = func() (is [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		is[c] = true
	}
	return is
}()

// isBase64 are the characters of base64 in either alphabet.
var isBase64 = func() (is [256]bool) {
	is = plain
	for _, c := range "-_=" {
		is[c] = true
	}
	return is
}()

// plainLength returns the number of plain characters that text begins with.
func plainLength(text []byte) int {
	for i, c := range text {
		if !plain[c] {
			return i
		}
	}
	return len(text)
}

// writePlain adds text of the usual alphabet. It decodes the text where it is.
func (u *upload) writePlain(text []byte) {
	if len(u.quad) > 0 {
		n := min(4-len(u.quad), len(text))
		u.quad = append(u.quad, text[:n]...)
		text = text[n:]
		if len(u.quad) < 4 {
			return
		}
		u.decode(u.quad)
		u.quad = u.quad[:0]
	}
	whole := len(text) / 4 * 4
	u.decode(text[:whole])
	u.quad = append(u.quad, text[whole:]...)
}

// writeAny adds text that may have white space, escapes, padding or the alphabet of URLs.
func (u *upload) writeAny(text []byte) {
	clean := append(u.clean[:0], u.quad...)
	for _, c := range text {
		switch {
		case u.escaped:
			u.escaped = false
			if c == '/' {
				clean = append(clean, c)
			} else if c != 'n' && c != 'r' && c != 't' {
				u.reason = "its base64 has characters that do not belong there"
				return
			}
		case c == '\\':
			u.escaped = true
		case c == '=':
			u.padding = true
		case c == ' ' || c == '\n' || c == '\r' || c == '\t':
		case u.padding:
			u.reason = "its base64 continues after its end"
			return
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		default:
			clean = append(clean, c)
		}
	}
	whole := len(clean) / 4 * 4
	u.decode(clean[:whole])
	u.quad = append(u.quad[:0], clean[whole:]...)
	u.clean = clean
}

// decode decodes text and stores its bytes.
func (u *upload) decode(text []byte) {
	if len(text) == 0 || u.reason != "" || u.err != nil {
		return
	}
	content, err := base64.RawStdEncoding.AppendDecode(u.content[:0], text)
	u.content = content
	if err != nil {
		u.reason = fmt.Sprintf("its base64 is wrong after %d bytes", u.size)
		return
	}
	if u.size += int64(len(content)); u.size > MaxFile {
		u.reason = fmt.Sprintf("it is larger than %d MiB", MaxFile>>20)
		return
	}
	if _, u.err = u.draft.Write(content); u.err != nil {
		return
	}
	u.hash.Write(content)        // never fails
	_, _ = u.head.Write(content) // never fails
}

// finish ends the upload.
func (u *upload) finish() *uploaded {
	u.decode(u.quad)
	f := &uploaded{digest: chat.Digest(u.hash.Sum(nil)), size: u.size, head: u.head.bytes, reason: u.reason, err: u.err}
	if f.reason == "" && f.err == nil {
		if f.err = u.draft.Keep(f.digest); f.err == nil {
			return f
		}
	}
	u.drop()
	return f
}

// fillUploaded fills in the fields of a file that an Intake has stored.
func (l *Library) fillUploaded(f *chat.File) error {
	source := f.Source
	found, ok := l.uploads.LoadAndDelete(string(source.Base64))
	if !ok {
		return invalidFile(source, "its base64 is wrong near byte 0")
	}
	u := found.(*uploaded)
	switch {
	case u.reason != "":
		return invalidFile(source, u.reason)
	case u.err != nil:
		return storeError(u.err)
	}
	mediaType, name, err := identify(u.head, source)
	if err != nil {
		return err
	}
	*f = chat.File{Digest: u.digest, Type: mediaType, Name: name, Size: u.size, Offset: f.Offset}
	return nil
}
