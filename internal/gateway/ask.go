package gateway

import (
	"context"
	"iter"
	"sync/atomic"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/emulate"
)

// question is what the conversation engine is asked for one choice.
func question(r *chat.Request, plan *emulate.Plan) conversation.Question {
	return conversation.Question{
		Request: r, Prompt: plan.Prompt, Preamble: plan.Preamble,
		Repairs: emulate.Repairs, Shaper: newShaper(r, plan),
	}
}

// turn puts a question to an engine that takes requests alone: the prompt goes as
// the request's instructions, the answer is shaped here, and a repair is a request
// to the same session.
type turn struct {
	engine   *conversation.Engine
	question conversation.Question
	ctx      context.Context // of the request, for its repairs
	answer   atomic.Pointer[conversation.Answer]
}

func ask(ctx context.Context, engine *conversation.Engine, q conversation.Question) (*turn, error) {
	t := &turn{engine: engine, question: q, ctx: ctx}
	return t, t.put(t.request(q.Request.Transcript()))
}

func (t *turn) put(r *chat.Request) error {
	answer, err := t.engine.Ask(t.ctx, r)
	if err == nil {
		t.answer.Store(answer)
	}
	return err
}

// request is the client's with the prompt in the place of its instructions.
func (t *turn) request(transcript []chat.Message) *chat.Request {
	r := *t.question.Request
	r.Messages = transcript
	if prompt := t.question.Preamble + t.question.Prompt; prompt != "" {
		r.Messages = append([]chat.Message{{Role: chat.RoleSystem, Text: prompt}}, transcript...)
	}
	return &r
}

// Session and Placement are those of the engine's answer.
func (t *turn) Session() int64            { return t.answer.Load().Session() }
func (t *turn) Placement() chat.Placement { return t.answer.Load().Placement() }

// Discard gives the turn up before its question was sent.
func (t *turn) Discard() { t.answer.Load().Discard() }

// Events returns the answer as the client gets it.
func (t *turn) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for {
			repair, err := t.events(yield)
			if err == nil && repair != "" {
				r := t.request([]chat.Message{{Role: chat.RoleUser, Text: repair}})
				r.Session = chat.SessionRef{ID: t.Session()}
				err = t.put(r)
			}
			if err != nil {
				yield(chat.Event{}, err)
			}
			if err != nil || repair == "" {
				return
			}
		}
	}
}

// events shapes one answer of the engine. An error is not yielded yet.
func (t *turn) events(yield func(chat.Event, error) bool) (repair string, err error) {
	going := true
	pass := func(ev chat.Event) {
		if going {
			going = yield(ev, nil) && ev.Kind != chat.EventDone
		}
	}
	for ev, err := range t.answer.Load().Events() {
		if err != nil {
			return "", err
		}
		repair, err = t.question.Shaper.Shape(ev, pass)
		if err != nil || repair != "" {
			return repair, err
		}
		if !going {
			return "", nil
		}
	}
	return "", nil
}
