// Package inflight counts work that runs, so that a shutdown can wait for its end: requests in httpapi, turns and
// background work in conversation. It starts and stops nothing.
package inflight

import (
	"context"
	"sync"
)

// Counter counts running work. The zero value is ready for use, and all methods are safe for concurrent use.
type Counter struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil when nothing waits
}

// Add counts a piece of work that begins.
func (c *Counter) Add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

// Done counts a piece of work that ends. Call it once after each Add.
func (c *Counter) Done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	if c.n == 0 && c.idle != nil {
		close(c.idle)
		c.idle = nil
	}
}

// Len returns the number of pieces of work that run.
func (c *Counter) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

// Wait waits until no work runs, or returns the error of ctx when it ends first. New work may begin at any time.
func (c *Counter) Wait(ctx context.Context) error {
	idle := c.idleChannel()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// idleChannel returns a channel that is closed when no work runs any more, or nil if none runs now.
func (c *Counter) idleChannel() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == 0 {
		return nil
	}
	if c.idle == nil {
		c.idle = make(chan struct{})
	}
	return c.idle
}
