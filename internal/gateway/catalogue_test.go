package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// fakeLister is a ModelLister. Each call takes some time, or never returns (-1).
type fakeLister struct {
	takes time.Duration
	calls atomic.Int32

	mu     sync.Mutex
	models []chat.Model
	err    error
}

// set changes what later calls return.
func (l *fakeLister) set(models []chat.Model, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.models, l.err = models, err
}

func (l *fakeLister) Models(ctx context.Context) ([]chat.Model, error) {
	l.calls.Add(1)
	var after <-chan time.Time
	if l.takes >= 0 {
		after = time.After(l.takes)
	}
	select {
	case <-after:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.models, l.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startCatalogue returns a catalogue that runs until the test ends.
func startCatalogue(t *testing.T, l *fakeLister) *catalogue {
	c := newCatalogue(l, nil, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	synctest.Wait()
	return c
}

// While a refresh hangs, find returns a known model at once and waits a short time for an unknown
// one.
func TestUnknownModelDoesNotWaitForAHangingRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startCatalogue(t, &fakeLister{takes: -1})
		start := time.Now()
		if _, ok := c.find(t.Context(), builtInModels[0]); !ok || time.Since(start) > 0 {
			t.Errorf("find(%s) = %v after %v, want true at once", builtInModels[0], ok, time.Since(start))
		}
		if _, ok := c.find(t.Context(), "no-such"); ok || time.Since(start) != maxLookUpWait {
			t.Errorf("find(no-such) = %v after %v, want false after %v", ok, time.Since(start), maxLookUpWait)
		}
		// The refresh is old by now, so that find does not wait for it.
		again := time.Now()
		if _, ok := c.find(t.Context(), "no-such"); ok || time.Since(again) > 0 {
			t.Errorf("find(no-such) again = %v after %v, want false at once", ok, time.Since(again))
		}
	})
}

// find uses the last good list after a refresh failed, and finds a new model if the platform
// lists it in time.
func TestFindUsesTheLastGoodList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLister{takes: time.Second, models: []chat.Model{{ID: "listed"}}}
		c := startCatalogue(t, l)
		if _, ok := c.find(t.Context(), "listed"); !ok {
			t.Error("find(listed) = false during the first refresh, want true when it ends")
		}
		if _, ok := c.find(t.Context(), "newer"); ok || l.calls.Load() != 1 {
			t.Errorf("find(newer) = %v with %d calls, want false with 1: the list is fresh", ok, l.calls.Load())
		}
		time.Sleep(minLookUpInterval)
		l.set([]chat.Model{{ID: "listed"}, {ID: "newer"}}, nil)
		if _, ok := c.find(t.Context(), "newer"); !ok || l.calls.Load() != 2 {
			t.Errorf("find(newer) = %v with %d calls, want true with 2", ok, l.calls.Load())
		}
		l.set(nil, errors.New("away"))
		time.Sleep(refreshInterval)
		if _, ok := c.find(t.Context(), "newer"); !ok {
			t.Error("find(newer) = false after a refresh that failed, want true")
		}
	})
}

// A client that leaves does not cancel the refresh that others wait for.
func TestLeavingDoesNotCancelARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &fakeLister{takes: 2 * time.Second, models: []chat.Model{{ID: "listed"}}}
		c := startCatalogue(t, l)
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, ok := c.find(gone, "listed"); ok {
			t.Error("find(listed) = true for a client that has left, want false")
		}
		if _, ok := c.find(t.Context(), "listed"); !ok || l.calls.Load() != 1 {
			t.Errorf("find(listed) = %v with %d calls, want true with 1", ok, l.calls.Load())
		}
	})
}
