package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// ModelLister lists the platform's models. The platform package's Client is the
// real one.
type ModelLister interface {
	Models(ctx context.Context) ([]chat.Model, error)
}

const (
	refreshEvery   = 10 * time.Minute
	maxRefreshTime = 30 * time.Second
	// A name that is not in the list makes it be fetched again, but no more often than
	// this. Requests wait for a refresh until it is lookUpWait old, and then go by the
	// last good list: the platform may hang.
	lookUpEvery = 10 * time.Second
	lookUpWait  = 3 * time.Second
)

// builtIn are served whatever the platform lists.
var builtIn = []string{
	"claude-sonnet-4-5-20250929",
	"gemini-3-pro-preview",
	"gemini-3-pro-preview-image",
	"gpt-5.1-high",
}

// model is a served model; its zero value takes no reasoning effort.
type model chat.Model

// effort returns the reasoning effort to send: what the client asked for if the
// platform lists it for the model, else none.
func (m model) effort(asked string) string {
	if slices.Contains(m.ReasoningEfforts, asked) {
		return asked
	}
	return ""
}

// catalogue is the list of models: the built-in ones, then those of the last
// list that the platform gave. At most one refresh runs at a time, on a goroutine of
// its own, so that nobody waits for longer than they want.
type catalogue struct {
	lister ModelLister
	logger *slog.Logger
	life   context.Context // of refreshes
	end    context.CancelFunc

	models atomic.Pointer[[]chat.Model] // never nil, never changed in place

	mu      sync.Mutex
	running *refresh  // nil when none is
	ended   time.Time // when the last refresh ended
}

// refresh is one call for the platform's list.
type refresh struct {
	started time.Time
	done    chan struct{} // closed when it has ended
}

func newCatalogue(l ModelLister, logger *slog.Logger) *catalogue {
	c := &catalogue{lister: l, logger: logger}
	c.life, c.end = context.WithCancel(context.Background())
	c.keep(nil)
	return c
}

// run refreshes the list until ctx ends, and then waits for the refresh under way.
func (c *catalogue) run(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		r := c.begin(0)
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.end()
			<-r.done
			return
		}
	}
}

// list returns the models; it is not to be changed.
func (c *catalogue) list() []chat.Model { return *c.models.Load() }

// find looks a model up. When it is not known, find asks the platform again and waits
// for a short time.
func (c *catalogue) find(ctx context.Context, id string) (model, bool) {
	if m, ok := c.known(id); ok {
		return m, true
	}
	if r := c.begin(lookUpEvery); r != nil {
		timer := time.NewTimer(time.Until(r.started.Add(lookUpWait)))
		defer timer.Stop()
		select {
		case <-r.done:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return c.known(id)
}

func (c *catalogue) known(id string) (model, bool) {
	models := c.list()
	i := slices.IndexFunc(models, func(m chat.Model) bool { return m.ID == id })
	if i < 0 {
		return model{}, false
	}
	return model(models[i]), true
}

// begin returns the refresh under way, or begins one. It returns nil when one has ended
// within fresh.
func (c *catalogue) begin(fresh time.Duration) *refresh {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running != nil {
		return c.running
	}
	if !c.ended.IsZero() && time.Since(c.ended) < fresh {
		return nil
	}
	r := &refresh{started: time.Now(), done: make(chan struct{})}
	c.running = r
	go func() {
		defer close(r.done)
		c.fetch()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.running, c.ended = nil, time.Now()
	}()
	return r
}

// fetch asks the platform for its list. A failure keeps the last good one.
func (c *catalogue) fetch() {
	ctx, cancel := context.WithTimeout(c.life, maxRefreshTime)
	defer cancel()
	models, err := c.lister.Models(ctx)
	switch {
	case err == nil:
		c.keep(models)
	case c.life.Err() == nil:
		c.logger.WarnContext(ctx, "the platform's model list could not be read; the last one is kept", telemetry.KeyError, err)
	}
}

// keep puts the built-in models first, with what the platform says of them.
func (c *catalogue) keep(listed []chat.Model) {
	models := make([]chat.Model, 0, len(builtIn)+len(listed))
	for _, id := range builtIn {
		m := chat.Model{ID: id, Label: id}
		if i := slices.IndexFunc(listed, func(l chat.Model) bool { return l.ID == id }); i >= 0 {
			m = listed[i]
		}
		models = append(models, m)
	}
	for _, m := range listed {
		if !slices.Contains(builtIn, m.ID) {
			models = append(models, m)
		}
	}
	c.models.Store(&models)
}

// unknown is the error for a request whose model is not served: 400, with the list.
func (c *catalogue) unknown(id string) *chat.Error {
	return chat.Invalid(chat.CodeModelNotFound, "model", c.unknownMessage(id))
}

// unknownMessage says that a model is not served, and which ones are.
func (c *catalogue) unknownMessage(id string) string {
	models := c.list()
	ids := make([]string, len(models))
	for i, m := range models {
		ids[i] = m.ID
	}
	if runes := []rune(id); len(runes) > 100 {
		id = string(runes[:100]) + "…"
	}
	return fmt.Sprintf("The model %q is not served here. Models: %s.", id, strings.Join(ids, ", "))
}
