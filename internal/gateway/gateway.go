// Package gateway handles one request from the decoded request to the events of its answer. It
// checks the model, has package conversation place each choice in a session, applies stop
// sequences and token limits to the answer, and estimates the usage that the platform does not
// report.
//
// It knows neither HTTP nor the JSON of an API. Package conversation decides which session gets
// a question.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/emulate"
)

// Gateway answers requests for one account.
type Gateway struct {
	conversations *conversation.Engine
	catalogue     *catalogue
	emulation     emulate.Options
	pictures      PictureOutput
	links         LinkLister
	logger        *slog.Logger
}

// Options configure a Gateway.
type Options struct {
	Conversations *conversation.Engine
	Models        ModelLister
	Links         LinkLister
	ModelRules    []ModelRule
	// EagerCalls streams a tool call while the model writes it, before it is known to be
	// valid.
	EagerCalls bool
	// Pictures says how clients get the pictures of answers.
	Pictures PictureOutput
	Logger   *slog.Logger
}

// New returns a gateway that serves the built-in models. Run adds the platform's models.
func New(o Options) *Gateway {
	return &Gateway{
		conversations: o.Conversations,
		catalogue:     newCatalogue(o.Models, o.ModelRules, o.Logger),
		emulation:     emulate.Options{EagerCalls: o.EagerCalls, Schemas: emulate.NewSchemaCache()},
		pictures:      o.Pictures,
		links:         o.Links,
		logger:        o.Logger,
	}
}

// Run refreshes the list of models until ctx ends.
func (g *Gateway) Run(ctx context.Context) { g.catalogue.run(ctx) }

// Models returns the models that are served, the built-in models first.
func (g *Gateway) Models(context.Context) []chat.Model { return g.catalogue.list() }

// Model returns a model, or a 404 model_not_found error.
func (g *Gateway) Model(ctx context.Context, id string) (chat.Model, error) {
	m, ok := g.catalogue.find(ctx, id)
	m.ID = id // as clients see it
	if !ok {
		return chat.Model{}, &chat.Error{
			Kind: chat.KindNotFound, Code: chat.CodeModelNotFound, Param: "model", Message: g.catalogue.unknownModelMessage(id),
		}
	}
	return chat.Model(m), nil
}

// Chat places the choices of a request in sessions. The platform is asked only when the
// caller ranges over the answer's events. Instead of that the caller may discard the answer.
func (g *Gateway) Chat(ctx context.Context, r *chat.Request) (*Answer, error) {
	if r.Draws && r.Model == "" {
		r.Model = g.catalogue.drawingModel()
	}
	model, ok := g.catalogue.find(ctx, r.Model)
	if !ok {
		return nil, g.catalogue.unknownModelError(r.Model)
	}
	if r.Draws && !model.Draws {
		return nil, chat.Invalid(chat.CodeInvalidValue, "model", g.catalogue.notDrawingMessage(r.Model))
	}
	if err := g.catalogue.checkFiles(model, r); err != nil {
		return nil, err
	}
	placed := *r
	placed.Model = model.ID
	placed.ReasoningEffort, placed.Thinking = model.reasoning(r.ReasoningEffort)
	if err := g.catalogue.chooseSearch(model, &placed); err != nil {
		return nil, err
	}
	plan, err := emulate.NewPlan(ctx, &placed, g.emulation)
	if err != nil {
		return nil, err
	}
	a := &Answer{choices: make([]*conversation.Answer, max(r.N, 1))}
	if placed.WebSearch {
		a.cite = g.cite
	}
	if err := g.placeChoices(ctx, a, &placed, plan, model); err != nil {
		a.Discard()
		return nil, err
	}
	return a, nil
}

// placeChoices places the choices of an answer, in parallel.
func (g *Gateway) placeChoices(
	ctx context.Context, a *Answer, r *chat.Request, plan *emulate.Plan, m model,
) error {
	placeChoice := func(i int) error {
		q := g.newQuestion(ctx, r, plan, m, i)
		answer, err := g.conversations.Ask(ctx, q)
		if err == nil {
			a.choices[i] = answer
		}
		return err
	}
	if len(a.choices) == 1 {
		return placeChoice(0)
	}
	errs := make([]error, len(a.choices))
	var placing sync.WaitGroup
	for i := range a.choices {
		placing.Go(func() { errs[i] = recoverPanic(func() error { return placeChoice(i) }) })
	}
	placing.Wait()
	err := errors.Join(errs...)
	if p, ok := errors.AsType[*goroutinePanic](err); ok {
		a.Discard()
		panic(p) // on the goroutine of the request, which counts it and answers 500
	}
	return err
}

// goroutinePanic carries a panic of a goroutine of the gateway to the goroutine of the request.
// A panic that no function recovers ends the process.
type goroutinePanic struct {
	value any
	stack []byte
}

func (p *goroutinePanic) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// recoverPanic calls f and returns its error, or its panic as a *goroutinePanic.
func recoverPanic(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &goroutinePanic{v, debug.Stack()}
		}
	}()
	return f()
}

// Renderer writes messages as the platform's model reads them. It implements conversation.Renderer.
type Renderer struct{}

// Render returns the text of a message and its files.
func (Renderer) Render(m chat.Message) chat.Content {
	return chat.Content{Text: emulate.MessageText(m), Files: m.Files}
}
