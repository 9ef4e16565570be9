package inflight

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Counter
		if err := c.Wait(t.Context()); err != nil {
			t.Errorf("Wait() without work = %v, want nil", err)
		}
		start := time.Now()
		for _, d := range []time.Duration{time.Second, 3 * time.Second} {
			c.Add()
			time.AfterFunc(d, c.Done)
		}
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if err := c.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait() during work = %v, want %v", err, context.DeadlineExceeded)
		}
		if n := c.Len(); n != 1 {
			t.Errorf("Len() = %d, want 1", n)
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				if err := c.Wait(t.Context()); err != nil || time.Since(start) != 3*time.Second {
					t.Errorf("Wait() = %v after %v, want nil after 3s", err, time.Since(start))
				}
			})
		}
		waiting.Wait()
		c.Add()
		time.AfterFunc(time.Second, c.Done)
		if err := c.Wait(t.Context()); err != nil || time.Since(start) != 4*time.Second {
			t.Errorf("Wait() for later work = %v after %v, want nil after 4s", err, time.Since(start))
		}
	})
}
