package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"path"
	"sync"

	"achuan/internal/chat"
)

// MaxFile is the maximum size of a file in bytes.
const MaxFile = 20 << 20

// Blobs stores bytes by their digest. Folder, Memory and Remote implement it.
type Blobs interface {
	// Create begins a blob. Its bytes are written to the Draft.
	Create() (Draft, error)
	// Open opens a blob. The error for one that does not exist wraps fs.ErrNotExist.
	Open(d chat.Digest) (content io.ReadCloser, size int64, err error)
}

// Draft is a blob that is being written. Either Keep or Drop ends it.
type Draft interface {
	io.Writer
	// Keep stores the bytes under their digest. If the blob exists already, it counts as used now.
	Keep(d chat.Digest) error
	Drop()
}

// Library adds files and opens them. It implements chat.FileOpener.
type Library struct {
	blobs      Blobs
	registry   Registry
	signer     *Signer
	fetcher    *Fetcher // of the links of clients
	answers    *Fetcher // of the links in answers
	links      linkMemory
	converting sync.Mutex
	uploads    sync.Map // reference -> *uploaded, until the request is resolved or ends
}

// Options are the parts of a Library.
type Options struct {
	Blobs    Blobs
	Registry Registry // of the files that clients have uploaded
	Signer   *Signer  // of the links to pictures
	Links    *Fetcher // of the links that clients send; nil refuses them
	Answers  *Fetcher // of the pictures that models have drawn; nil refuses them
}

// NewLibrary returns a library.
func NewLibrary(o Options) *Library {
	return &Library{blobs: o.Blobs, registry: o.Registry, signer: o.Signer, fetcher: o.Links, answers: o.Answers}
}

// Resolve stores the bytes of all files of a request that have a Source, and fills in their fields.
// Its errors are *chat.Error with the path of the part at fault.
func (l *Library) Resolve(ctx context.Context, r *chat.Request) error {
	var links []*chat.File
	for i := range r.Messages {
		files := r.Messages[i].Files
		for j := range files {
			f := &files[j]
			switch {
			case f.Source == nil:
			case f.Source.URL != "":
				links = append(links, f)
			case f.Source.ID != "":
				if err := l.fillNamed(ctx, r.Caller.ID, f); err != nil {
					return err
				}
			case bytes.HasPrefix(f.Source.Base64, []byte(referenceMark)):
				if err := l.fillUploaded(f); err != nil {
					return err
				}
			default:
				if err := l.fill(f, decoderOf(f.Source.Base64), f.Source); err != nil {
					return err
				}
			}
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return l.resolveLinks(ctx, r.Caller.ID, links)
}

// maxDownloads is how many links of a request are downloaded at once.
const maxDownloads = 4

// resolveLinks downloads all links of a request, within fetchTimeout together: the client waits for its
// headers meanwhile.
func (l *Library) resolveLinks(ctx context.Context, caller string, links []*chat.File) error {
	if len(links) == 0 {
		return nil
	}
	fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	errs := make([]error, len(links))
	slots := make(chan struct{}, maxDownloads)
	var running sync.WaitGroup
	for i, f := range links {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			errs[i] = l.resolveLink(fetching, caller, f)
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// resolveLink downloads a link. If that fails, and the same caller has sent the link before, the file is
// the one that it led to then: a picture of an earlier message may be gone by now.
func (l *Library) resolveLink(ctx context.Context, caller string, f *chat.File) error {
	source := f.Source
	if isKept, err := l.fillKept(f); isKept {
		return err
	}
	if l.fetcher == nil {
		return invalidFile(source, "links are not fetched here; send the picture as a data URL")
	}
	key := linkKey{caller, source.URL}
	err := l.downloadLink(ctx, f)
	if err == nil {
		l.links.remember(key, *f)
		return nil
	}
	known, ok := l.links.recall(key)
	if !ok {
		return err
	}
	content, openErr := l.OpenFile(known)
	if openErr != nil {
		return err
	}
	_ = content.Close() // nothing was written to it
	known.Offset = f.Offset
	*f = known
	return nil
}

func (l *Library) downloadLink(ctx context.Context, f *chat.File) error {
	content, name, err := l.fetcher.Open(ctx, f.Source.URL)
	if err != nil {
		return invalidFile(f.Source, err.Error())
	}
	defer func() { _ = content.Close() }() // it is read to its end, or not needed
	source := *f.Source
	if path.Ext(name) != "" {
		source.Name = name
	}
	return l.fill(f, content, &source)
}

// fill stores the bytes of a file and fills in its fields.
func (l *Library) fill(f *chat.File, content io.Reader, source *chat.FileSource) error {
	added, err := l.add(content, source)
	if err != nil {
		return err
	}
	added.Offset = f.Offset
	*f = added
	return nil
}

// add stores the bytes of a file.
func (l *Library) add(content io.Reader, source *chat.FileSource) (chat.File, error) {
	draft, err := l.blobs.Create()
	if err != nil {
		return chat.File{}, storeError(err)
	}
	isKept := false
	defer func() {
		if !isKept {
			draft.Drop()
		}
	}()
	hash := sha256.New()
	var head prefix
	size, err := io.Copy(io.MultiWriter(draft, hash, &head), io.LimitReader(content, MaxFile+1))
	if bad, ok := errors.AsType[base64.CorruptInputError](err); ok {
		return chat.File{}, invalidFile(source, fmt.Sprintf("its base64 is wrong near byte %d", int64(bad)))
	}
	failed, isFetch := errors.AsType[*fetchError](err)
	switch {
	case isFetch:
		return chat.File{}, invalidFile(source, failed.Error())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return chat.File{}, invalidFile(source, "its base64 is incomplete")
	case err != nil:
		return chat.File{}, storeError(err)
	case size == 0:
		return chat.File{}, invalidFile(source, "it is empty")
	case size > MaxFile:
		return chat.File{}, invalidFile(source, fmt.Sprintf("it is larger than %d MiB", MaxFile>>20))
	}
	f := chat.File{Size: size, Digest: chat.Digest(hash.Sum(nil))}
	if f.Type, f.Name, err = identify(head.bytes, source); err != nil {
		return chat.File{}, err
	}
	if err := draft.Keep(f.Digest); err != nil {
		return chat.File{}, storeError(err)
	}
	isKept = true
	return f, nil
}

// OpenFile opens the bytes of a file. See chat.FileOpener.
func (l *Library) OpenFile(f chat.File) (io.ReadCloser, error) {
	content, size, err := l.blobs.Open(f.Digest)
	if err != nil || size != f.Size {
		if err == nil {
			_ = content.Close() // nothing was written to it
			err = fmt.Errorf("the blob has %d bytes, want %d", size, f.Size)
		}
		return nil, &chat.Error{
			Kind: chat.KindInvalid, Code: chat.CodeInvalidFile, Param: "messages", NotAsked: true, Cause: err,
			Message: fmt.Sprintf("The bytes of the file %q are gone. Send them again.", f.Name),
		}
	}
	return content, nil
}

// decoderOf returns a reader of bytes in base64, with or without padding, in the alphabet of
// URLs or in the usual one.
func decoderOf(text []byte) io.Reader {
	text = bytes.TrimRight(text, "=\r\n \t")
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	return base64.NewDecoder(encoding, bytes.NewReader(text))
}

// prefix keeps the first bytes of a file, from which its type is detected.
type prefix struct{ bytes []byte }

// maxPrefix is how many bytes are looked at. The entries of an office document that tell its type
// are within it.
const maxPrefix = 16 << 10

func (p *prefix) Write(b []byte) (int, error) {
	if room := maxPrefix - len(p.bytes); room > 0 {
		p.bytes = append(p.bytes, b[:min(room, len(b))]...)
	}
	return len(b), nil
}

// invalidFile returns the error for a file that is refused.
func invalidFile(source *chat.FileSource, why string) *chat.Error {
	return chat.Invalid(chat.CodeInvalidFile, source.Path, "Invalid file in '"+source.Path+"': "+why+".")
}

func storeError(err error) *chat.Error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable, NotAsked: true, Cause: err,
		Message: "The server cannot store files now.",
	}
}
