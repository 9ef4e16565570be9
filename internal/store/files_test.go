package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"achuan/internal/chat"
)

func fileOf(n int) chat.UploadedFile {
	return chat.UploadedFile{
		File: chat.File{Digest: chat.Digest(hashOf(fmt.Sprint(n))), Type: "image/png", Name: "a\u732b.png", Size: int64(n)},
		ID:   fmt.Sprintf("file-%d", n), Purpose: "vision", Created: time.Unix(int64(1000+n/2), 0),
	}
}

// A caller sees its own files, in pages, until they are deleted or have expired.
func TestFiles(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		for n := range 5 {
			f := fileOf(n)
			if n == 4 {
				f.Purpose, f.Expires = "user_data", w.now().Add(time.Hour).Truncate(time.Second)
			}
			requireNoError(t, s.AddFile(ctx, "anna", f))
		}
		other := fileOf(9)
		requireNoError(t, s.AddFile(ctx, "ben", other))
		requireEqual(t, must[chat.UploadedFile](t)(s.FindFile(ctx, "anna", "file-3")), fileOf(3))
		for _, id := range []string{"file-9", "file-x", ""} {
			_, err := s.FindFile(ctx, "anna", id)
			requireError(t, err, chat.ErrNoFile)
			requireError(t, s.DeleteFile(ctx, "anna", id), chat.ErrNoFile)
		}
		requireEqual(t, listed(t, s, chat.FileQuery{Limit: 3}), "file-4 file-3 file-2 +")
		requireEqual(t, listed(t, s, chat.FileQuery{Limit: 3, After: "file-2"}), "file-1 file-0")
		requireEqual(t, listed(t, s, chat.FileQuery{Limit: 2, Oldest: true, After: "file-1"}), "file-2 file-3 +")
		requireEqual(t, listed(t, s, chat.FileQuery{Limit: 5, Purpose: "user_data"}), "file-4")
		_, _, err := s.ListFiles(ctx, "anna", chat.FileQuery{Limit: 5, After: "file-9"})
		requireError(t, err, chat.ErrNoFile)

		requireNoError(t, s.DeleteFile(ctx, "anna", "file-3"))
		requireEqual(t, len(must[map[chat.Digest]bool](t)(s.FileDigests(ctx))), 5)
		w.advance(t, 2*time.Hour)
		requireEqual(t, listed(t, s, chat.FileQuery{Limit: 5}), "file-2 file-1 file-0")
		needed := must[map[chat.Digest]bool](t)(s.FileDigests(ctx))
		if len(needed) != 4 || !needed[other.Digest] || needed[fileOf(4).Digest] {
			t.Errorf("FileDigests = %d with the expired file %v, want 4 without it", len(needed), needed[fileOf(4).Digest])
		}
	})
}

func listed(t *testing.T, s *Store, q chat.FileQuery) (ids string) {
	t.Helper()
	page, hasMore, err := s.ListFiles(t.Context(), "anna", q)
	requireNoError(t, err)
	for i, f := range page {
		if i > 0 {
			ids += " "
		}
		ids += f.ID
	}
	if hasMore {
		ids += " +"
	}
	return ids
}

func TestTooManyFiles(t *testing.T) {
	s := sqliteDatabase("sqlite::memory:").open(t)
	requireNoError(t, s.AddFile(t.Context(), "anna", fileOf(0)))
	const step = 500 // rows in a transaction, whose time is limited
	for first := 1; first < MaxFiles; first += step {
		requireNoError(t, s.transact(t.Context(), func(ctx context.Context, c conn) error {
			_, err := c.exec(ctx, `WITH RECURSIVE more(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM more WHERE n + 1 < ?)
				INSERT INTO files (account, caller, id, created, expires, digest, size, type, name, purpose)
				SELECT account, caller, 'copy-' || n, created, expires, digest, size, type, name, purpose
				FROM files, more WHERE id = 'file-0'`, first, min(first+step, MaxFiles))
			return err
		}))
	}
	requireError(t, s.AddFile(t.Context(), "anna", fileOf(1)), chat.ErrTooManyFiles)
	requireNoError(t, s.AddFile(t.Context(), "ben", fileOf(1)))
}

// All replicas read the same secret, and every database has one of its own.
func TestSecret(t *testing.T) {
	seen := map[string]bool{}
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		secret := must[[]byte](t)(s.Secret(t.Context()))
		if len(secret) != 32 || seen[string(secret)] {
			t.Errorf("Secret has %d bytes and was seen %v, want 32 new ones", len(secret), seen[string(secret)])
		}
		seen[string(secret)] = true
		if s.HasLeases() {
			requireEqual(t, must[[]byte](t)(w.open(t).Secret(t.Context())), secret)
		}
	})
	if len(seen) != len(newTestDatabase) {
		t.Errorf("secrets = %d, want %d", len(seen), len(newTestDatabase))
	}
}
