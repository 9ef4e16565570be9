package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/media"
)

// memoryObjects are objects that a test can take away.
type memoryObjects struct {
	mu     sync.Mutex
	all    map[string][]byte
	putErr error
}

func (o *memoryObjects) Put(_ context.Context, key string, content io.Reader, _ int64) error {
	data, err := io.ReadAll(content)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all[key] = data
	return errors.Join(err, o.putErr)
}

func (o *memoryObjects) Get(_ context.Context, key string) (io.ReadCloser, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	data, ok := o.all[key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

func (o *memoryObjects) Delete(_ context.Context, key string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.all, key)
	return nil
}

func (o *memoryObjects) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.all)
}

func storeBlob(b media.Blobs, content []byte) error {
	draft, err := b.Create()
	if err != nil {
		return err
	}
	if _, err := draft.Write(content); err != nil {
		return err
	}
	if err := draft.Keep(chat.Digest(hashOf(string(content)))); err != nil {
		draft.Drop()
		return err
	}
	return nil
}

func readBlob(b media.Blobs, content []byte) ([]byte, error) {
	r, size, err := b.Open(chat.Digest(hashOf(string(content))))
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(r)
	if err == nil && int64(len(got)) != size {
		err = fmt.Errorf("the blob has %d bytes, want %d", len(got), size)
	}
	return got, errors.Join(err, r.Close())
}

// bytesOf returns content that differs for each n.
func bytesOf(n, size int) []byte {
	b := bytes.Repeat([]byte{byte(n)}, size)
	return append(b, fmt.Sprint(n)...)
}

// A blob is stored once, is found by every replica, makes room when it is old, and stays while a file needs it. What
// fails or is taken away leaves nothing behind, and can be stored again.
func TestRemoteBlobs(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		objects := &memoryObjects{all: map[string][]byte{}}
		open := func(s *Store) *media.Remote {
			return media.NewRemote(media.RemoteOptions{
				Index: s.BlobIndex(), Objects: objects, Room: 5000, MaxAge: 24 * time.Hour,
				Logger: slog.New(slog.DiscardHandler),
			})
		}
		b := open(s)
		var together sync.WaitGroup
		for range 8 {
			together.Go(func() { requireNoError(t, storeBlob(b, bytesOf(0, 10))) })
		}
		together.Wait()
		requireEqual(t, objects.count(), 1)
		requireEqual(t, b.Used(), int64(11))
		w.advance(t, 25*time.Hour)
		requireNoError(t, b.CleanUp(ctx))
		requireNoError(t, storeBlob(b, bytesOf(1, 2000)))
		if s.HasLeases() {
			requireEqual(t, must[[]byte](t)(readBlob(open(w.open(t)), bytesOf(1, 2000))), bytesOf(1, 2000))
		}
		_, err := readBlob(b, bytesOf(2, 2000))
		requireError(t, err, fs.ErrNotExist)

		requireNoError(t, storeBlob(b, bytesOf(2, 2000)))
		requireError(t, storeBlob(b, bytesOf(3, 2000)), media.ErrFull) // both were used just now
		needed := fileOf(1)
		needed.Digest = chat.Digest(hashOf(string(bytesOf(1, 2000))))
		requireNoError(t, s.AddFile(ctx, "anna", needed))
		w.advance(t, 20*time.Minute)
		requireNoError(t, storeBlob(b, bytesOf(3, 2000))) // in the place of 2
		requireEqual(t, must[[]byte](t)(readBlob(b, bytesOf(1, 2000))), bytesOf(1, 2000))
		_, err = readBlob(b, bytesOf(2, 2000))
		requireError(t, err, fs.ErrNotExist)

		w.advance(t, 25*time.Hour)
		requireNoError(t, b.CleanUp(ctx)) // 3 has expired
		requireEqual(t, objects.count(), 1)
		requireNoError(t, s.DeleteFile(ctx, "anna", needed.ID))
		needed.Expires = w.now().Add(time.Hour)
		requireNoError(t, s.AddFile(ctx, "anna", needed))
		requireNoError(t, b.CleanUp(ctx))
		requireEqual(t, objects.count(), 1)
		w.advance(t, 25*time.Hour) // the file expires, and with it the blob
		requireNoError(t, b.CleanUp(ctx))
		requireEqual(t, objects.count(), 0)
		requireEqual(t, b.Used(), int64(0))

		objects.putErr = errors.New("the bucket is away")
		requireError(t, storeBlob(b, bytesOf(4, 10)), objects.putErr)
		requireEqual(t, objects.count(), 0)
		objects.putErr = nil
		requireNoError(t, storeBlob(b, bytesOf(4, 10)))
		clear(objects.all) // somebody empties the bucket
		_, err = readBlob(b, bytesOf(4, 10))
		requireError(t, err, fs.ErrNotExist)
		requireNoError(t, storeBlob(b, bytesOf(4, 10)))
		requireEqual(t, must[[]byte](t)(readBlob(b, bytesOf(4, 10))), bytesOf(4, 10))

		// A process dies while it stores an object.
		requireNoError(t, s.BlobIndex().Begin(ctx, media.Object{Key: "left", Size: 5}, chat.Digest(hashOf("left"))))
		objects.all["left"] = []byte("lef")
		requireNoError(t, b.CleanUp(ctx))
		requireEqual(t, objects.count(), 2)
		w.advance(t, 2*time.Hour)
		requireNoError(t, b.CleanUp(ctx))
		requireEqual(t, objects.count(), 1)
	})
}

// PostgreSQL keeps objects of any size in pieces.
func TestObjects(t *testing.T) {
	leasedStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx, o := t.Context(), s.Objects()
		for _, size := range []int{1, pieceSize - 1, pieceSize, pieceSize + 1, 3 * pieceSize} {
			key, content := fmt.Sprint(size), bytes.Repeat([]byte("x"), size)
			requireNoError(t, o.Put(ctx, key, bytes.NewReader(content), int64(size)))
			r := must[io.ReadCloser](t)(o.Get(ctx, key))
			if got := must[[]byte](t)(io.ReadAll(r)); !bytes.Equal(got, content) {
				t.Errorf("an object of %d bytes comes back with %d", size, len(got))
			}
			requireNoError(t, o.Delete(ctx, key))
			_, err := o.Get(ctx, key)
			requireError(t, err, fs.ErrNotExist)
		}
	})
}
