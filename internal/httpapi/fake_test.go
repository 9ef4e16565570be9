package httpapi

import (
	"context"
	"iter"
	"sync"
	"testing"
	"time"

	"achuan/internal/chat"
)

// fakeChat is a small Chat: it knows two models and answers with a script.
type fakeChat struct {
	script []step                          // of every answer
	place  func(ctx context.Context) error // runs in Chat unless it is nil

	mu          sync.Mutex
	requests    []chat.Request
	clientsGone int // answers whose clients left
	unfinished  int // answers whose events were not read to the end
}

func (f *fakeChat) Models(context.Context) []chat.Model {
	return []chat.Model{{ID: "model-1"}, {ID: "maker/model:2"}}
}

func (f *fakeChat) CountTokens(_ context.Context, r *chat.Request) (int, error) {
	return len(r.Messages), nil
}

func (f *fakeChat) Model(ctx context.Context, id string) (chat.Model, error) {
	for _, m := range f.Models(ctx) {
		if m.ID == id {
			return m, nil
		}
	}
	return chat.Model{}, &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeModelNotFound, Message: "no model " + id}
}

func (f *fakeChat) Chat(ctx context.Context, r *chat.Request) (Answer, error) {
	f.mu.Lock()
	f.requests = append(f.requests, *r)
	f.mu.Unlock()
	if f.place != nil {
		if err := f.place(ctx); err != nil {
			return nil, err
		}
	}
	return &fakeAnswer{chat: f, ctx: ctx, session: 4711, placement: chat.PlacementNew}, nil
}

// onlyRequest returns the request that came, which must be the only one.
func (f *fakeChat) onlyRequest(t *testing.T) chat.Request {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) != 1 {
		t.Fatalf("requests at the gateway = %d, want 1", len(f.requests))
	}
	return f.requests[0]
}

// step is a part of an answer: the fields that are set, in their order.
type step struct {
	wait         time.Duration
	clientLeaves bool  // waits until the client leaves
	newSession   int64 // the answer moves to this session, with the placement replayed
	do           func()
	panic        string
	event        chat.Event
	err          error
}

type fakeAnswer struct {
	chat *fakeChat
	ctx  context.Context

	mu        sync.Mutex
	session   int64
	placement chat.Placement
}

func (a *fakeAnswer) Session() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.session
}

func (a *fakeAnswer) Placement() chat.Placement {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.placement
}

func (a *fakeAnswer) MarkClientLeft() {
	a.chat.mu.Lock()
	defer a.chat.mu.Unlock()
	a.chat.clientsGone++
}

func (a *fakeAnswer) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for _, s := range a.chat.script {
			if !a.do(s, yield) {
				a.chat.mu.Lock()
				a.chat.unfinished++
				a.chat.mu.Unlock()
				return
			}
		}
	}
}

func (a *fakeAnswer) do(s step, yield func(chat.Event, error) bool) bool {
	time.Sleep(s.wait) // in tests with a fake clock only
	if s.clientLeaves {
		<-a.ctx.Done()
	}
	if s.newSession != 0 {
		a.mu.Lock()
		a.session, a.placement = s.newSession, chat.PlacementReplayed
		a.mu.Unlock()
	}
	if s.do != nil {
		s.do()
	}
	switch {
	case s.panic != "":
		panic(s.panic)
	case s.err != nil:
		yield(chat.Event{}, s.err)
		return false
	case s.event.Kind != 0:
		return yield(s.event, nil)
	}
	return true
}

func waitForClientGone() step       { return step{clientLeaves: true} }
func waitStep(d time.Duration) step { return step{wait: d} }
func textStep(s string) step        { return step{event: chat.Event{Kind: chat.EventText, Text: s}} }
func pauseStep() step               { return step{event: chat.Event{Kind: chat.EventPause}} }
func errorStep(err error) step      { return step{err: err} }

func doneStep(u chat.Usage) step {
	return step{event: chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: u}}
}

// forChoice returns the step for another choice.
func (s step) forChoice(choice int) step {
	s.event.Choice = choice
	return s
}

var (
	someUsage      = chat.Usage{PromptTokens: 7, CompletionTokens: 2}
	hello          = []step{textStep("Hel"), pauseStep(), textStep("lo"), doneStep(someUsage)}
	truncatedError = &chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendTruncated, Message: "cut off"}
	estimatedUsage = chat.Usage{PromptTokens: 7, CompletionTokens: 2, Estimated: true}
	helloEstimated = []step{textStep("Hel"), pauseStep(), textStep("lo"), doneStep(estimatedUsage)}
)
