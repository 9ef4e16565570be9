package conversation

import (
	"iter"

	"achuan/internal/chat"
)

// Answer is one turn as its client sees it.
type Answer struct {
	turn *turn
}

// Session is the id of the session that answers. It is safe to call from any
// goroutine at any time, and may change until the first event: a session that
// turns out to be lost is replaced.
func (a *Answer) Session() int64 { return a.turn.where.Load().session }

// Placement says how the request came to its session; see Session.
func (a *Answer) Placement() chat.Placement { return a.turn.where.Load().placement }

// Events asks the question and returns the answer as it comes, ending with
// EventDone or an error (a *chat.Error, or the client's context error when it
// left before the question was sent). It is ranged over once. Breaking out of the
// loop leaves the rest of the turn to the background.
func (a *Answer) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for {
			ev, err := a.turn.next()
			if err != nil {
				yield(chat.Event{}, err)
				return
			}
			ended := ev.Kind == chat.EventDone
			if !yield(ev, nil) && !ended {
				a.turn.detach()
				return
			}
			if ended {
				return
			}
		}
	}
}

// Discard gives the turn up before its question was sent.
func (a *Answer) Discard() { a.turn.end() }
