// Package gateway is one request's journey: it checks the model, has each choice
// placed in a session, shapes the answer to what the client asked for (stop
// sequences, token limits) and accounts for what it used.
//
// It holds no HTTP and no dialect; where a question goes is conversation's.
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
	logger        *slog.Logger
}

// Options are what a Gateway is made of.
type Options struct {
	Conversations *conversation.Engine
	Models        ModelLister
	// EagerCalls passes tool calls on while they are made, before they are known to
	// be right.
	EagerCalls bool
	Logger     *slog.Logger
}

// New returns a gateway that serves the built-in models; Run adds the platform's.
func New(o Options) *Gateway {
	return &Gateway{
		conversations: o.Conversations,
		catalogue:     newCatalogue(o.Models, o.Logger),
		emulation:     emulate.Options{EagerCalls: o.EagerCalls, Schemas: emulate.NewSchemaCache()},
		logger:        o.Logger,
	}
}

// Run keeps the list of models fresh until ctx ends.
func (g *Gateway) Run(ctx context.Context) { g.catalogue.run(ctx) }

// Models lists what is served, the built-in models first.
func (g *Gateway) Models(context.Context) []chat.Model { return g.catalogue.list() }

// Model looks one model up; an unknown one is 404 model_not_found.
func (g *Gateway) Model(ctx context.Context, id string) (chat.Model, error) {
	m, ok := g.catalogue.find(ctx, id)
	if !ok {
		return chat.Model{}, &chat.Error{
			Kind: chat.KindNotFound, Code: chat.CodeModelNotFound, Param: "model", Message: g.catalogue.unknownModelMessage(id),
		}
	}
	return chat.Model(m), nil
}

// Chat places a request. Its choices are asked when the answer's events are
// ranged over; until then, and only then, the answer may be discarded instead.
func (g *Gateway) Chat(ctx context.Context, r *chat.Request) (*Answer, error) {
	model, ok := g.catalogue.find(ctx, r.Model)
	if !ok {
		return nil, g.catalogue.unknownModelError(r.Model)
	}
	placed := *r
	placed.ReasoningEffort = model.supportedEffort(r.ReasoningEffort)
	plan, err := emulate.NewPlan(ctx, &placed, g.emulation)
	if err != nil {
		return nil, err
	}
	a := &Answer{choices: make([]*conversation.Answer, max(r.N, 1))}
	if err := g.placeChoices(ctx, a, &placed, plan); err != nil {
		a.Discard()
		return nil, err
	}
	return a, nil
}

// placeChoices has every choice placed, several at once.
func (g *Gateway) placeChoices(ctx context.Context, a *Answer, r *chat.Request, plan *emulate.Plan) error {
	one := func(i int) error {
		answer, err := g.conversations.Ask(ctx, newQuestion(r, plan, i))
		if err == nil {
			a.choices[i] = answer
		}
		return err
	}
	if len(a.choices) == 1 {
		return one(0)
	}
	errs := make([]error, len(a.choices))
	var placing sync.WaitGroup
	for i := range a.choices {
		placing.Go(func() { errs[i] = recoverPanic(func() error { return one(i) }) })
	}
	placing.Wait()
	err := errors.Join(errs...)
	if p, ok := errors.AsType[*goroutinePanic](err); ok {
		a.Discard()
		panic(p) // on the request's goroutine, where it becomes a 500 and is counted
	}
	return err
}

// goroutinePanic is a panic of a goroutine that the gateway began, on its way to the
// request's own: a panic that nobody recovers ends the process.
type goroutinePanic struct {
	value any
	stack []byte
}

func (p *goroutinePanic) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// recoverPanic calls f and returns a panic of f's as an error.
func recoverPanic(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &goroutinePanic{v, debug.Stack()}
		}
	}()
	return f()
}

// Render writes a message as the text that the platform's model reads.
func Render(m chat.Message) string { return emulate.MessageText(m) }
