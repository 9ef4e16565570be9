package emulate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"achuan/internal/chat"
)

// sizedSchema returns a schema with n properties. Another i makes another schema.
func sizedSchema(n, i int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `{"title": "%d", "properties": {"p": {}`, i)
	for p := range n {
		fmt.Fprintf(&b, `, "p%d": {"type": "string"}`, p)
	}
	b.WriteString("}}")
	return []byte(b.String())
}

// The cache returns the same form for the same text, and removes forms to stay within its limit.
func TestSchemaCache(t *testing.T) {
	const limit = 1 << 20
	c := newSchemaCache(limit)
	first, err := c.get(t.Context(), sizedSchema(100, 0))
	if err != nil {
		t.Fatal(err)
	}
	form, _ := c.compiledForm(t.Context(), first)
	if again, _ := c.compiledForm(t.Context(), first); again != form {
		t.Errorf("second compiledForm() = %p, want the cached %p", again, form)
	}
	for i := range 100 {
		if _, err := c.get(t.Context(), sizedSchema(100, i)); err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, form := range c.forms {
			sum += form.weight
		}
		if c.weight != sum || sum > limit {
			t.Fatalf("weight = %d, want the sum %d of the forms, at most %d", c.weight, sum, limit)
		}
	}
	if len(c.forms) == 100 {
		t.Errorf("forms in the cache = %d, want fewer than the schemas", len(c.forms))
	}
	// A removed schema is still known to compile, and is compiled again when it is needed.
	if again, err := c.get(t.Context(), sizedSchema(100, 0)); err != nil || again.weight != form.weight {
		t.Errorf("get of a removed schema = weight %d, %v, want %d", again.weight, err, form.weight)
	}
	if form, err := c.compiledForm(t.Context(), first); err != nil || len(form.violations("x")) != 0 {
		t.Errorf("compiledForm of a removed schema = %v, %v, want one that accepts a string", form, err)
	}
}

// The weight of a form is about its size in memory.
func TestSchemaWeight(t *testing.T) {
	for _, tt := range []struct{ name, schema string }{
		{"properties", string(sizedSchema(2000, 0))},
		{"a class that is repeated", `{"pattern": "^(\\p{L}?){400}$"}`},
		{"a class that is copied", `{"pattern": "^(?:\\p{L}?){490}$"}`},
		{"a long pattern", `{"pattern": "(a?){1000}(b?){1000}"}`},
		{"an enum", `{"enum": ["a` + manyValues(20_000) + `"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := heapBytes()
			form, err := compileSchema([]byte(tt.schema))
			if err != nil {
				t.Fatal(err)
			}
			took := int(heapBytes() - before)
			runtime.KeepAlive(form)
			if took > 2*form.weight {
				t.Errorf("weight = %d KiB, want at least half of the %d KiB that it takes", form.weight>>10, took>>10)
			}
		})
	}
}

func manyValues(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `","v%d`, i)
	}
	return b.String()
}

func heapBytes() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Nothing is compiled for a client that has left.
func TestSchemaCacheStopsWithContext(t *testing.T) {
	c := newSchemaCache(maxCachedBytes)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if _, err := c.get(ctx, []byte(`{"type": "string"}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("get for a client that left = %v, want %v", err, context.Canceled)
	}
	for range cap(c.compileSlots) { // all are taken by others
		c.compileSlots <- struct{}{}
	}
	ctx, leave = context.WithTimeout(t.Context(), time.Millisecond)
	defer leave()
	if _, err := c.get(ctx, []byte(`{"type": "string"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("get while others compile = %v, want %v", err, context.DeadlineExceeded)
	}
	r := &chat.Request{Tools: []chat.Tool{{Name: "f", Parameters: []byte(`{"type": "boolean"}`), Path: "p"}}}
	ctx, leave = context.WithCancel(t.Context())
	leave()
	if _, err := NewPlan(ctx, r, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("NewPlan for a client that left = %v, want %v", err, context.Canceled)
	}
}

// One cache serves several requests at once.
func TestSchemaCacheIsShared(t *testing.T) {
	c := newSchemaCache(maxCachedBytes)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for n := range 20 {
				s, err := c.get(t.Context(), sizedSchema(3, (i+n)%10))
				if err != nil {
					t.Error(err)
					continue
				}
				if _, err := c.compiledForm(t.Context(), s); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// All schemas of a request together have limits.
func TestSchemasOfARequest(t *testing.T) {
	tools := func(n int) *chat.Request {
		r := &chat.Request{}
		for i := range n {
			r.Tools = append(r.Tools, chat.Tool{
				Name: fmt.Sprint("f", i), Parameters: []byte(fmt.Sprintf(`{"title": "%d", "pattern": "(a?){1000}(b?){1000}"}`, i)),
				Path: fmt.Sprintf("tools[%d].function.parameters", i),
			})
		}
		return r
	}
	if _, err := NewPlan(t.Context(), tools(10), Options{}); err != nil {
		t.Errorf("NewPlan of 10 large patterns = %v, want no error", err)
	}
	_, err := NewPlan(t.Context(), tools(512), Options{})
	e := chat.AsError(err)
	if err == nil || e.Code != chat.CodeInvalidValue || !strings.HasPrefix(e.Param, "tools[") || !strings.Contains(e.Message, "48 MiB") {
		t.Errorf("NewPlan of 512 large patterns = %v, want a 400 that names a tool's parameters", err)
	}
	large := &chat.Request{}
	for i := range 8 {
		large.Tools = append(large.Tools, chat.Tool{Name: fmt.Sprint("f", i), Parameters: sizedSchema(5000, i), Path: fmt.Sprint("p", i)})
	}
	_, err = NewPlan(t.Context(), large, Options{})
	if e := chat.AsError(err); err == nil || e.Param != "p2" || !strings.Contains(e.Message, "too many objects") {
		t.Errorf("NewPlan of 8 schemas with 5,000 objects = %v, want a 400 that names the third", err)
	}
	r := tools(512)
	r.ToolChoice.Mode = chat.ToolsNone
	if _, err := NewPlan(t.Context(), r, Options{}); err != nil {
		t.Errorf("NewPlan of tools that must not be called = %v, want no error", err)
	}
}
