package app

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"time"

	"achuan/internal/config"
	"achuan/internal/conversation"
	"achuan/internal/httpapi"
	"achuan/internal/media"
	"achuan/internal/store"
)

const (
	// blobAge is how long a file stays after the last session that may use it is gone.
	blobAge = 30 * 24 * time.Hour
	// maxMemoryBlobs limits the room for files, in bytes, of a server that keeps nothing.
	maxMemoryBlobs = 256 << 20
)

// files are the files of requests and the pictures of answers.
type files struct {
	library *media.Library
	used    func() int64              // bytes of all files
	callKey conversation.CallKey      // derives from the store's secret, as the key of links does
	cleanUp func(ctx context.Context) // deletes old files until ctx ends; nil when they are in memory
}

// openFiles returns the place for files: a bucket, or beside the sessions, which is a folder with SQLite, the
// database with PostgreSQL, and memory if the sessions are there.
func openFiles(ctx context.Context, s *config.Settings, sessions *store.Store, logger *slog.Logger) (*files, error) {
	secret, err := sessions.Secret(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key of links: %w", err)
	}
	f := &files{callKey: newCallKey(secret)}
	blobs, err := f.openBlobs(s, sessions, logger)
	if err != nil {
		return nil, err
	}
	fetcher, answers := newFetchers(s)
	f.library = media.NewLibrary(media.Options{
		Blobs: blobs, Registry: sessions, Signer: media.NewSigner(secret), Links: fetcher, Answers: answers,
	})
	return f, nil
}

// newCallKey derives the key for the ids of calls from the secret of the store.
func newCallKey(secret []byte) conversation.CallKey {
	key := sha256.Sum256(append([]byte("achuan call ids\x00"), secret...))
	return key[:]
}

func (f *files) openBlobs(s *config.Settings, sessions *store.Store, logger *slog.Logger) (media.Blobs, error) {
	room, age := int64(s.BlobRoom), s.SessionRetention+blobAge
	objects, err := openObjects(s, sessions)
	if err != nil {
		return nil, err
	}
	if objects != nil {
		r := media.NewRemote(media.RemoteOptions{
			Index: sessions.BlobIndex(), Objects: objects, Room: room, MaxAge: age, Logger: logger,
		})
		f.used, f.cleanUp = r.Used, r.Run
		return r, nil
	}
	path, err := store.File(s.DatabaseURL)
	switch {
	case errors.Is(err, store.ErrMemory):
		m := media.NewMemory(min(room, maxMemoryBlobs))
		f.used = m.Used
		return m, nil
	case err != nil:
		return nil, fmt.Errorf("cannot find a folder for files: %w", err)
	}
	folder := media.NewFolder(media.FolderOptions{
		Path: media.BesideDatabase(path), Room: room, MaxAge: age, Logger: logger, Needed: sessions.FileDigests,
	})
	f.used, f.cleanUp = folder.Used, folder.Run
	return folder, nil
}

// openObjects returns the bucket of the settings or the objects of a PostgreSQL database; nil for neither.
func openObjects(s *config.Settings, sessions *store.Store) (media.Objects, error) {
	switch {
	case s.BlobURL != "":
		bucket, err := media.NewBucket(s.BlobURL)
		if err != nil {
			return nil, &config.Error{Setting: "ACHUAN_BLOB_URL", Problem: err.Error()}
		}
		return bucket, nil
	case sessions.Kind() == store.KindPostgres:
		return sessions.Objects(), nil
	}
	return nil, nil //nolint:nilnil // the bytes are no objects
}

// keeper returns what keeps copies of the pictures of answers; nil for nothing.
func (f *files) keeper(s *config.Settings) func(ctx context.Context, base, url string) string {
	if !s.ImageStore || !s.Fetch {
		return nil
	}
	return f.library.KeepPicture
}

// requestFiles is a library as httpapi uses it.
type requestFiles struct{ *media.Library }

// NewIntake returns an intake of a body.
func (f requestFiles) NewIntake(body io.Reader) httpapi.Intake { return f.Library.NewIntake(body) }

// newFetchers returns the fetchers of the links of clients and of those in answers; nil when links are
// not fetched. The platform's own server may keep pictures that its models drew.
func newFetchers(s *config.Settings) (clients, answers *media.Fetcher) {
	if !s.Fetch {
		return nil, nil
	}
	allow := s.FetchAllow
	if u, err := url.Parse(s.APIURL); err == nil {
		port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
		allow = append(slices.Clone(allow), net.JoinHostPort(u.Hostname(), port))
	}
	clients = media.NewFetcher(media.FetcherOptions{Allow: s.FetchAllow})
	return clients, media.NewFetcher(media.FetcherOptions{Allow: allow})
}

// run deletes old files until ctx ends.
func (f *files) run(ctx context.Context) {
	if f.cleanUp != nil {
		f.cleanUp(ctx)
	}
}
