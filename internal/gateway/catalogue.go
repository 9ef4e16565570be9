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
	refreshEvery = 10 * time.Minute
	// A name that is not in the list makes it be fetched again, but no more often
	// than this, and the request waits no longer than lookUpWait for it.
	lookUpEvery = 10 * time.Second
	lookUpWait  = 10 * time.Second
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
// list that the platform gave.
type catalogue struct {
	lister ModelLister
	logger *slog.Logger

	models atomic.Pointer[[]chat.Model] // never nil, never changed in place

	mu      sync.Mutex // held while fetching
	fetched time.Time  // when the last attempt ended
}

func newCatalogue(l ModelLister, logger *slog.Logger) *catalogue {
	c := &catalogue{lister: l, logger: logger}
	c.keep(nil)
	return c
}

func (c *catalogue) run(ctx context.Context) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		c.fetch(ctx, 0)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// list returns the models; it is not to be changed.
func (c *catalogue) list() []chat.Model { return *c.models.Load() }

// find looks a model up, asking the platform again when it is not known.
func (c *catalogue) find(ctx context.Context, id string) (model, bool) {
	if m, ok := c.known(id); ok {
		return m, true
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpWait)
	defer cancel()
	c.fetch(ctx, lookUpEvery)
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

// fetch asks the platform for its list unless that was done within fresh. A
// failure keeps the last good list.
func (c *catalogue) fetch(ctx context.Context, fresh time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.fetched.IsZero() && time.Since(c.fetched) < fresh {
		return
	}
	models, err := c.lister.Models(ctx)
	c.fetched = time.Now()
	if err != nil {
		if ctx.Err() == nil {
			c.logger.WarnContext(ctx, "the platform's model list could not be read; the last one is kept", telemetry.KeyError, err)
		}
		return
	}
	c.keep(models)
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
