package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"time"

	"achuan/internal/config"
	"achuan/internal/httpapi"
	"achuan/internal/media"
	"achuan/internal/store"
	"achuan/internal/telemetry"
)

const (
	// blobAge is how long a file stays after the last session that may use it is gone.
	blobAge = 30 * 24 * time.Hour
	// maxMemoryBlobs limits the room for files, in bytes, of a server that keeps nothing.
	maxMemoryBlobs = 256 << 20
)

// files are the files of requests.
type files struct {
	library   *media.Library
	used      func() int64  // bytes of all files
	folder    *media.Folder // nil when they are in memory
	temporary string        // a folder that is removed at the end; "" for none
	logger    *slog.Logger
}

// openFiles returns the place for the files of requests: beside a SQLite database, or in memory if
// the database is there. With PostgreSQL it is a folder of this process, or memory on a read-only
// system: a request brings its files along, so no replica needs the folder of another.
func openFiles(s *config.Settings, logger *slog.Logger) (*files, error) {
	f := &files{logger: logger}
	fetcher, answers := newFetchers(s)
	folder := ""
	switch path, err := store.File(s.DatabaseURL); {
	case err == nil:
		folder = media.BesideDatabase(path)
	case errors.Is(err, store.ErrPostgres):
		if f.temporary, err = os.MkdirTemp("", "achuan-"); err != nil {
			logger.Info("there is no folder for temporary files; the files of requests are kept in memory", telemetry.KeyError, err)
		}
		folder = f.temporary
	case !errors.Is(err, store.ErrMemory):
		return nil, fmt.Errorf("cannot find a folder for files: %w", err)
	}
	if folder == "" {
		memory := media.NewMemory(min(int64(s.BlobRoom), maxMemoryBlobs))
		f.library, f.used = media.NewLibrary(memory, fetcher, answers), memory.Used
		return f, nil
	}
	f.folder = media.NewFolder(media.FolderOptions{
		Path: folder, Room: int64(s.BlobRoom), MaxAge: s.SessionRetention + blobAge, Logger: logger,
	})
	f.library, f.used = media.NewLibrary(f.folder, fetcher, answers), f.folder.Used
	return f, nil
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

// run deletes old files until ctx ends, and then a temporary folder.
func (f *files) run(ctx context.Context) {
	if f.folder != nil {
		f.folder.Run(ctx)
	}
	<-ctx.Done()
	if f.temporary == "" {
		return
	}
	if err := os.RemoveAll(f.temporary); err != nil {
		f.logger.WarnContext(ctx, "the folder for files cannot be removed", telemetry.KeyError, err)
	}
}
