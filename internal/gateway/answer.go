package gateway

import (
	"errors"
	"iter"
	"sync"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// Answer is the answer to one request, with all its choices. Discard it, or range over Events.
type Answer struct {
	choices []*conversation.Answer // by index
	// cite returns the pages on which the answer of a session is based; nil for none.
	cite func(session int64) []chat.Citation
}

// Session returns the id of the session that answers choice 0. The id may change until the
// first event. Session may be called from any goroutine.
func (a *Answer) Session() int64 { return a.choices[0].Session() }

// Placement tells how the session of choice 0 was chosen. It may change as Session does.
func (a *Answer) Placement() chat.Placement { return a.choices[0].Placement() }

// MarkClientLeft records that the client left before it had received the whole answer, although the
// events had ended.
func (a *Answer) MarkClientLeft() {
	for _, c := range a.choices {
		c.MarkClientLeft()
	}
}

// markFailed records that the reply has failed. A repetition of the request gets the choices
// that are whole or running, and asks the platform only for the others.
func (a *Answer) markFailed() {
	for _, c := range a.choices {
		c.MarkReplyFailed()
	}
}

// Discard releases an answer whose events were never ranged over.
func (a *Answer) Discard() {
	for _, c := range a.choices {
		if c != nil {
			c.Discard()
		}
	}
}

// Events asks the platform and yields the answer as it arrives: for each choice its pieces and
// an EventDone. An error ends the whole answer. The sequence may be ranged over once. If the
// caller breaks out of the loop, running choices continue in the background.
func (a *Answer) Events() iter.Seq2[chat.Event, error] {
	if len(a.choices) == 1 {
		return a.choiceEvents(0)
	}
	return a.mergeChoices
}

// choiceEvents yields the events of one choice.
func (a *Answer) choiceEvents(choice int) iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for ev, err := range a.choices[choice].Events() {
			ev.Choice = choice
			if ev.Kind == chat.EventDone && a.cite != nil {
				ev.Citations = a.cite(a.choices[choice].Session())
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

// choiceEvent is an event or an error of any choice.
type choiceEvent struct {
	event chat.Event
	err   error
}

// mergeChoices runs the choices in parallel. When a choice fails or the client leaves, the
// others continue in the background. A pause is passed on only when no choice has an event
// waiting.
func (a *Answer) mergeChoices(yield func(chat.Event, error) bool) {
	events := make(chan choiceEvent, len(a.choices))
	stopped := make(chan struct{})
	var running sync.WaitGroup
	for i := range a.choices {
		running.Go(func() {
			send := func(e choiceEvent) bool {
				select {
				case events <- e:
					return true
				case <-stopped:
					return false
				}
			}
			err := recoverPanic(func() error {
				for ev, err := range a.choiceEvents(i) {
					if !send(choiceEvent{ev, err}) {
						break
					}
				}
				return nil
			})
			if err != nil {
				send(choiceEvent{err: err})
			}
		})
	}
	go func() { running.Wait(); close(events) }()
	defer close(stopped)
	isPaused := true
	for e := range events {
		if p, ok := errors.AsType[*goroutinePanic](e.err); ok {
			panic(p)
		}
		switch {
		case e.err != nil:
			a.markFailed()
			yield(chat.Event{}, e.err)
			return
		case e.event.Kind == chat.EventPause && (isPaused || len(events) > 0):
			continue
		}
		isPaused = e.event.Kind == chat.EventPause
		if !yield(e.event, nil) {
			return
		}
	}
}
