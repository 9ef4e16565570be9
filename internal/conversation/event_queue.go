package conversation

import "achuan/internal/chat"

// eventQueue holds events until they are taken, in order. It uses its memory again. The zero value is empty.
type eventQueue struct {
	events []chat.Event
	taken  int // number of events that were taken already
}

// maxKeptEvents is how many events the memory of an empty queue has room for. Only a long call makes more at once.
const maxKeptEvents = 16

func (q *eventQueue) isEmpty() bool { return q.taken == len(q.events) }

func (q *eventQueue) add(ev chat.Event) { q.events = append(q.events, ev) }

// take returns the next event. The queue must not be empty.
func (q *eventQueue) take() chat.Event {
	ev := q.events[q.taken]
	q.taken++
	if q.isEmpty() {
		q.clear()
	}
	return ev
}

// clear removes all events.
func (q *eventQueue) clear() {
	clear(q.events) // their texts can be freed
	q.events, q.taken = q.events[:0], 0
	if cap(q.events) > maxKeptEvents {
		q.events = nil
	}
}
