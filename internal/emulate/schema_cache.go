package emulate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
)

// compiled keeps schemas from one turn to the next: an agent sends the same ones
// with each request.
var compiled = newSchemaCache(maxCached)

// Bounds on what the cache keeps. Compiled forms take many times their text.
const (
	maxCached = 48 << 20 // bytes of compiled forms
	maxKnown  = 50_000   // schemas that are known to compile, of 48 bytes each
)

type schemaCache struct {
	mu     sync.Mutex
	forms  map[[sha256.Size]byte]*compiledSchema
	weight int                              // of forms
	limit  int                              // of weight
	known  map[[sha256.Size]byte]schemaCost // of schemas that compile

	// slots bound how many schemas are compiled at once, so that they take neither
	// all processors nor, at some ten megabytes each, the memory.
	slots chan struct{}
}

func newSchemaCache(limit int) *schemaCache {
	return &schemaCache{
		forms: map[[sha256.Size]byte]*compiledSchema{},
		known: map[[sha256.Size]byte]schemaCost{},
		limit: limit,
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// get returns a schema that compiles. Its error is for the client, unless ctx has
// ended. The text must not change.
func (c *schemaCache) get(ctx context.Context, text []byte) (*schema, error) {
	if len(text) > maxSchemaSize {
		return nil, fmt.Errorf("a schema may have %d KiB at most", maxSchemaSize>>10)
	}
	s := &schema{text: text, key: sha256.Sum256(text)}
	c.mu.Lock()
	cost, isKnown := c.known[s.key]
	c.mu.Unlock()
	if !isKnown {
		form, err := c.form(ctx, s)
		if err != nil {
			return nil, err
		}
		cost = form.schemaCost
	}
	s.schemaCost = cost
	return s, nil
}

// form returns the compiled form of a schema.
func (c *schemaCache) form(ctx context.Context, s *schema) (*compiledSchema, error) {
	c.mu.Lock()
	found := c.forms[s.key]
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	made, err := compile(s.text)
	if err != nil {
		return nil, err
	}
	c.keep(s.key, made)
	return made, nil
}

// keep puts a compiled form into the cache, and takes others out until it fits.
func (c *schemaCache) keep(key [sha256.Size]byte, made *compiledSchema) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnown {
		clear(c.known)
	}
	c.known[key] = made.schemaCost
	if c.forms[key] != nil {
		return
	}
	for other, form := range c.forms { // in any order
		if c.weight+made.weight <= c.limit {
			break
		}
		delete(c.forms, other)
		c.weight -= form.weight
	}
	c.forms[key] = made
	c.weight += made.weight
}
