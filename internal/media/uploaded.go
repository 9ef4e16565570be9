package media

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"achuan/internal/chat"
)

// Registry knows the files that callers have uploaded. Package store implements it.
type Registry interface {
	AddFile(ctx context.Context, caller string, f chat.UploadedFile) error
	// FindFile returns a file of the caller, or chat.ErrNoFile.
	FindFile(ctx context.Context, caller, id string) (chat.UploadedFile, error)
	// ListFiles returns a page of the files of the caller. If the caller has no file
	// with the ID q.After, the error is chat.ErrNoFile.
	ListFiles(ctx context.Context, caller string, q chat.FileQuery) (page []chat.UploadedFile, hasMore bool, err error)
	// DeleteFile deletes a file of the caller, or returns chat.ErrNoFile.
	DeleteFile(ctx context.Context, caller, id string) error
}

// AddFile stores the bytes of a file from a form. source has the name that the client gives, and the name of
// the field for errors.
func (l *Library) AddFile(content io.Reader, source chat.FileSource) (chat.File, error) {
	return l.add(content, &source)
}

// Register gives a stored file an ID, by which the caller may name it in requests.
func (l *Library) Register(ctx context.Context, caller string, f *chat.UploadedFile) error {
	f.ID, f.Created = newFileID(), time.Now().Truncate(time.Second)
	err := l.registry.AddFile(ctx, caller, *f)
	if errors.Is(err, chat.ErrTooManyFiles) {
		return chat.Invalid(chat.CodeInvalidValue, "file", "You have as many files as the server keeps for one key. Delete some of them first.")
	}
	return registryError(ctx, err)
}

// newFileID returns an ID that nobody can guess.
func newFileID() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // it never fails
	return "file-" + hex.EncodeToString(random[:])
}

// Uploaded returns a file of a caller.
func (l *Library) Uploaded(ctx context.Context, caller, id string) (chat.UploadedFile, error) {
	f, err := l.registry.FindFile(ctx, caller, id)
	if errors.Is(err, chat.ErrNoFile) {
		return f, noFileError(id)
	}
	return f, registryError(ctx, err)
}

// ListUploaded returns a page of the files of a caller.
func (l *Library) ListUploaded(
	ctx context.Context, caller string, q chat.FileQuery,
) (page []chat.UploadedFile, hasMore bool, err error) {
	page, hasMore, err = l.registry.ListFiles(ctx, caller, q)
	if errors.Is(err, chat.ErrNoFile) {
		return nil, false, chat.Invalid(chat.CodeInvalidValue, "after", "Invalid value for 'after': you have no file with this id.")
	}
	return page, hasMore, registryError(ctx, err)
}

// DeleteUploaded deletes a file of a caller. Its bytes stay for the conversations that use them.
func (l *Library) DeleteUploaded(ctx context.Context, caller, id string) error {
	err := l.registry.DeleteFile(ctx, caller, id)
	if errors.Is(err, chat.ErrNoFile) {
		return noFileError(id)
	}
	return registryError(ctx, err)
}

// fillNamed fills in the fields of a file that a request names by its ID.
func (l *Library) fillNamed(ctx context.Context, caller string, f *chat.File) error {
	source := f.Source
	found, err := l.registry.FindFile(ctx, caller, source.ID)
	switch {
	case errors.Is(err, chat.ErrNoFile):
		return invalidFile(source, fmt.Sprintf("you have no file with the id %q", chat.Truncate(source.ID, maxShownID)))
	case err != nil:
		return registryError(ctx, err)
	case source.IsPicture && !found.IsPicture():
		return invalidFile(source, "it is no picture but "+found.Type)
	}
	content, _, err := l.blobs.Open(found.Digest) // which also records that it is used
	if err != nil {
		return invalidFile(source, "its bytes are gone; upload it again")
	}
	_ = content.Close() // nothing was written to it
	found.Offset = f.Offset
	*f = found.File
	return nil
}

// maxShownID limits an id in an error, in bytes.
const maxShownID = 64

func noFileError(id string) error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeNotFound, Param: "id",
		Message: fmt.Sprintf("No such file: %s.", chat.Truncate(path.Base(id), maxShownID)),
	}
}

// registryError returns the error of a request for which the registry has failed.
func registryError(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return storeError(err)
}
