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

// ModelLister lists the platform's models. platform.Client implements it.
type ModelLister interface {
	Models(ctx context.Context) ([]chat.Model, error)
}

const (
	refreshInterval = 10 * time.Minute
	refreshTimeout  = 30 * time.Second
	// A model that is not in the list causes a refresh, but not more often than
	// this. Requests wait for a refresh until it is maxLookUpWait old, and then use the
	// last good list: the platform may hang.
	minLookUpInterval = 10 * time.Second
	maxLookUpWait     = 3 * time.Second
)

// builtInModels are served even if the platform does not list them.
var builtInModels = []string{
	"claude-sonnet-4-5-20250929",
	"gemini-3-pro-preview",
	"gemini-3-pro-preview-image",
	"gpt-5.1-high",
}

// drawingSuffix is the end of the names of built-in models that draw.
const drawingSuffix = "-image"

// model is a served model.
type model chat.Model

// catalogue is the list of models: the built-in models, then those of the platform's last list.
// At most one refresh runs at a time. It has its own goroutine, so that each request can stop
// waiting for it.
type catalogue struct {
	lister     ModelLister
	logger     *slog.Logger
	lifeCtx    context.Context // of refreshes
	cancelLife context.CancelFunc

	rules  modelRules
	models atomic.Pointer[modelLists] // never nil

	mu        sync.Mutex
	current   *refresh  // nil when no refresh runs
	lastEnded time.Time // when the last refresh ended
}

// modelLists are the models of one time. The slices are never changed.
type modelLists struct {
	shown  []chat.Model // as clients see them, with the names of aliases
	served []chat.Model // as the platform knows them
}

// refresh is a call for the platform's list.
type refresh struct {
	started time.Time
	done    chan struct{} // closed when it has ended
}

func newCatalogue(l ModelLister, rules []ModelRule, logger *slog.Logger) *catalogue {
	c := &catalogue{lister: l, rules: rules, logger: logger}
	c.lifeCtx, c.cancelLife = context.WithCancel(context.Background())
	c.setModels(nil)
	return c
}

// run refreshes the list every refreshInterval until ctx ends, and then waits for the last
// refresh to end.
func (c *catalogue) run(ctx context.Context) {
	tick := time.NewTicker(refreshInterval)
	defer tick.Stop()
	for {
		r := c.startRefresh(0)
		select {
		case <-tick.C:
		case <-ctx.Done():
			c.cancelLife()
			<-r.done
			return
		}
	}
}

// list returns the models that clients see. The caller must not change the slice.
func (c *catalogue) list() []chat.Model { return c.models.Load().shown }

// find returns the model that answers for a name, which may be an alias. If the model is not in the
// list, find starts a refresh and waits for it until it is maxLookUpWait old.
func (c *catalogue) find(ctx context.Context, id string) (model, bool) {
	if m, ok := c.listed(id); ok {
		return m, true
	}
	c.awaitRefresh(ctx)
	return c.listed(id)
}

// awaitRefresh waits for a refresh until it is maxLookUpWait old. It starts one, unless the last ended just now.
func (c *catalogue) awaitRefresh(ctx context.Context) {
	r := c.startRefresh(minLookUpInterval)
	if r == nil {
		return
	}
	timer := time.NewTimer(time.Until(r.started.Add(maxLookUpWait)))
	defer timer.Stop()
	select {
	case <-r.done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// textFiles implements conversation.Question.TextFiles. If it is not known whether the model reads documents, it
// waits for the list of the platform.
func (c *catalogue) textFiles(ctx context.Context, id string) (maxSize int64, isRead bool) {
	m, _ := c.served(id)
	if m.Files == chat.FilesUnknown {
		c.awaitRefresh(ctx)
		m, _ = c.served(id)
	}
	return m.MaxFileSize, m.Files == chat.FilesAny
}

// listed returns the model of the current list that answers for a name.
func (c *catalogue) listed(id string) (model, bool) {
	if r := c.rules.find(id); r != nil {
		if r.Hidden {
			return model{}, false
		}
		if r.Target != "" {
			id = r.Target
		}
	}
	return c.served(id)
}

// served returns a model of the current list by the platform's name for it.
func (c *catalogue) served(id string) (model, bool) {
	models := c.models.Load().served
	i := slices.IndexFunc(models, func(m chat.Model) bool { return m.ID == id })
	if i < 0 {
		return model{}, false
	}
	return model(models[i]), true
}

// startRefresh returns the running refresh, or starts one. It returns nil if the last refresh
// ended less than minInterval ago.
func (c *catalogue) startRefresh(minInterval time.Duration) *refresh {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		return c.current
	}
	if !c.lastEnded.IsZero() && time.Since(c.lastEnded) < minInterval {
		return nil
	}
	r := &refresh{started: time.Now(), done: make(chan struct{})}
	c.current = r
	go func() {
		defer close(r.done)
		c.fetch()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.current, c.lastEnded = nil, time.Now()
	}()
	return r
}

// fetch replaces the list by that of the platform. If that fails, it keeps the last good list.
func (c *catalogue) fetch() {
	ctx, cancel := context.WithTimeout(c.lifeCtx, refreshTimeout)
	defer cancel()
	models, err := c.lister.Models(ctx)
	switch {
	case err == nil:
		c.setModels(models)
	case c.lifeCtx.Err() == nil:
		c.logger.WarnContext(ctx, "cannot read the platform's model list; keeping the last one", telemetry.KeyError, err)
	}
}

// setModels sets the list: first the built-in models, with the platform's data about them.
func (c *catalogue) setModels(listed []chat.Model) {
	models := make([]chat.Model, 0, len(builtInModels)+len(listed))
	for _, id := range builtInModels {
		m := chat.Model{ID: id, Label: id}
		if i := slices.IndexFunc(listed, func(l chat.Model) bool { return l.ID == id }); i >= 0 {
			m = listed[i]
		}
		m.Draws = m.Draws || strings.HasSuffix(id, drawingSuffix)
		models = append(models, m)
	}
	for _, m := range listed {
		if !slices.Contains(builtInModels, m.ID) {
			models = append(models, m)
		}
	}
	c.models.Store(&modelLists{c.rules.arrange(models), models})
}

// unknownModelError returns the error for a request whose model is not served: 400, with the list.
func (c *catalogue) unknownModelError(id string) *chat.Error {
	return chat.Invalid(chat.CodeModelNotFound, "model", c.unknownModelMessage(id))
}

// unknownModelMessage returns a message with the models that are served.
func (c *catalogue) unknownModelMessage(id string) string {
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
