package gateway

import (
	"errors"
	"iter"
	"sync"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// Answer is the answer to one request, with all its choices.
type Answer struct {
	choices []*conversation.Answer // by index
}

// Session is the id of the session that answers choice 0. It is safe to call from
// any goroutine, and may change until the first event.
func (a *Answer) Session() int64 { return a.choices[0].Session() }

// Placement says how choice 0 came to its session; see Session.
func (a *Answer) Placement() chat.Placement { return a.choices[0].Placement() }

// Left says that the client has gone before all of the answer had reached it,
// although its events had ended.
func (a *Answer) Left() {
	for _, c := range a.choices {
		c.Left()
	}
}

// markFailed says that the reply has failed: a repetition of the request gets the choices that
// are whole or under way, and asks only for the others.
func (a *Answer) markFailed() {
	for _, c := range a.choices {
		c.Lose()
	}
}

// Discard gives up an answer whose events were never ranged over.
func (a *Answer) Discard() {
	for _, c := range a.choices {
		if c != nil {
			c.Discard()
		}
	}
}

// Events asks the platform and returns the answer as it comes: for each choice
// its pieces and an EventDone. An error ends the whole answer. It is ranged over
// once; breaking out of the loop leaves what is under way to the background.
func (a *Answer) Events() iter.Seq2[chat.Event, error] {
	if len(a.choices) == 1 {
		return a.choiceEvents(0)
	}
	return a.mergeChoices
}

// choiceEvents is one choice.
func (a *Answer) choiceEvents(choice int) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for ev, err := range a.choices[choice].Events() {
			ev.Choice = choice
			if !yield(ev, err) {
				return
			}
		}
	}
}

// choiceEvent is one event of any choice.
type choiceEvent struct {
	event chat.Event
	err   error
}

// mergeChoices runs the choices side by side. When one fails or the client leaves, the
// others go on in the background.
func (a *Answer) mergeChoices(yield func(chat.Event, error) bool) {
	steps := make(chan choiceEvent, len(a.choices))
	left := make(chan struct{})
	var running sync.WaitGroup
	for i := range a.choices {
		running.Go(func() {
			pass := func(s choiceEvent) bool {
				select {
				case steps <- s:
					return true
				case <-left:
					return false
				}
			}
			err := recoverPanic(func() error {
				for ev, err := range a.choiceEvents(i) {
					if !pass(choiceEvent{ev, err}) {
						break
					}
				}
				return nil
			})
			if err != nil {
				pass(choiceEvent{err: err})
			}
		})
	}
	go func() { running.Wait(); close(steps) }()
	defer close(left)
	paused := true
	for s := range steps {
		if p, ok := errors.AsType[*goroutinePanic](s.err); ok {
			panic(p)
		}
		switch {
		case s.err != nil:
			a.markFailed()
			yield(chat.Event{}, s.err)
			return
		case s.event.Kind == chat.EventPause && (paused || len(steps) > 0):
			continue
		}
		paused = s.event.Kind == chat.EventPause
		if !yield(s.event, nil) {
			return
		}
	}
}
