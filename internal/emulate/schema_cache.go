package emulate

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync"
)

// Limits of the cache. A compiled form takes many times the size of its text.
const (
	maxCachedBytes  = 48 << 20 // bytes of compiled forms
	maxKnownSchemas = 50_000   // schemas that are known to compile, of 48 bytes each
)

// SchemaCache keeps compiled schemas from one request to the next, because an agent sends the same
// schemas with each request. It is safe for concurrent use.
type SchemaCache struct {
	mu        sync.Mutex
	forms     map[[sha256.Size]byte]*compiledSchema
	weight    int                              // of forms
	maxWeight int                              // of weight
	costs     map[[sha256.Size]byte]schemaCost // of schemas that compile

	// compileSlots limits how many schemas are compiled at once, because each takes a processor
	// and some ten megabytes of memory.
	compileSlots chan struct{}
}

// NewSchemaCache returns an empty cache. It keeps at most 48 MiB of compiled schemas.
func NewSchemaCache() *SchemaCache { return newSchemaCache(maxCachedBytes) }

func newSchemaCache(maxWeight int) *SchemaCache {
	return &SchemaCache{
		forms:        map[[sha256.Size]byte]*compiledSchema{},
		costs:        map[[sha256.Size]byte]schemaCost{},
		maxWeight:    maxWeight,
		compileSlots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// get returns the schema of a text if it compiles. Its error is for the client, unless ctx has
// ended. The caller must not change the text.
func (c *SchemaCache) get(ctx context.Context, text []byte) (*schema, error) {
	if len(text) > maxSchemaSize {
		return nil, fmt.Errorf("a schema may have %d KiB at most", maxSchemaSize>>10)
	}
	s := &schema{text: text, key: sha256.Sum256(text), cache: c}
	c.mu.Lock()
	cost, isKnown := c.costs[s.key]
	c.mu.Unlock()
	if !isKnown {
		form, err := c.compiledForm(ctx, s)
		if err != nil {
			return nil, err
		}
		cost = form.schemaCost
	}
	s.schemaCost = cost
	return s, nil
}

// compiledForm returns the compiled form of a schema.
func (c *SchemaCache) compiledForm(ctx context.Context, s *schema) (*compiledSchema, error) {
	c.mu.Lock()
	found := c.forms[s.key]
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	select {
	case c.compileSlots <- struct{}{}:
		defer func() { <-c.compileSlots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	made, err := compileSchema(s.text)
	if err != nil {
		return nil, err
	}
	c.store(s.key, made)
	return made, nil
}

// store adds a compiled form to the cache, and removes others until it fits.
func (c *SchemaCache) store(key [sha256.Size]byte, made *compiledSchema) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.costs) >= maxKnownSchemas {
		clear(c.costs)
	}
	c.costs[key] = made.schemaCost
	if c.forms[key] != nil {
		return
	}
	for other, form := range c.forms { // in any order
		if c.weight+made.weight <= c.maxWeight {
			break
		}
		delete(c.forms, other)
		c.weight -= form.weight
	}
	c.forms[key] = made
	c.weight += made.weight
}
