package responses

import (
	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// collected are the items of an answer: reasoning, a message, calls.
type collected struct {
	dialect.Progress
	x     ids
	req   *Request
	items []*item
	done  chat.Event
	calls int
}

// add adds an event to the items, and returns the item that it belongs to and whether the item is new. It returns nil
// for an event that belongs to none.
func (c *collected) add(ev chat.Event) (at int, isNew bool) {
	if ev.Kind != chat.EventReasoning && ev.Kind != chat.EventText && ev.Kind != chat.EventToolCall {
		return -1, false
	}
	if ev.Text == "" && ev.CallID == "" {
		return -1, false
	}
	if last := len(c.items) - 1; ev.Kind == chat.EventReasoning && last >= 0 && c.items[last].kind != ev.Kind {
		return -1, false // reasoning comes first, and is no part of the answer
	}
	at = c.find(ev)
	if at < 0 {
		it := &item{kind: ev.Kind}
		if ev.Kind == chat.EventToolCall {
			it.call, it.callID, it.index = c.req.callKind(ev.CallName), ev.CallID, c.calls
			it.modelName = ev.CallName
			c.calls++
		}
		at, isNew = len(c.items), true
		c.items = append(c.items, it)
	}
	c.items[at].text.WriteString(ev.Text)
	return at, isNew
}

// find returns the index of the item that an event continues, or -1. Text after calls continues the message, because an
// answer has only one.
func (c *collected) find(ev chat.Event) int {
	if ev.Kind == chat.EventToolCall {
		if ev.CallID != "" {
			return -1
		}
		return len(c.items) - 1
	}
	for i, it := range c.items {
		if it.kind == ev.Kind {
			return i
		}
	}
	return -1
}

// end returns the end of a whole answer.
func (c *collected) end() result {
	end := result{status: completed, items: c.items, usage: c.Usage()}
	if c.done.Finish == chat.FinishLength {
		end.status = incomplete
	}
	return end
}

// whole collects one answer and writes it as a response object.
type whole struct{ collected }

func newWhole(x ids, r *Request) *whole {
	return &whole{collected{Progress: dialect.NewProgress(1), x: x, req: r}}
}

// Add implements dialect.Whole.
func (w *whole) Add(ev chat.Event) {
	if !w.Accept(ev) {
		return
	}
	if ev.Kind == chat.EventDone {
		w.done = ev
		return
	}
	w.add(ev)
}

// Append implements dialect.Whole. For an answer that is not Complete it appends the body of an error, so that
// half an answer never looks like a whole one.
func (w *whole) Append(dst []byte) []byte {
	if !w.Complete() {
		dst, _ = AppendError(dst, dialect.ErrIncomplete, false)
		return dst
	}
	return w.req.appendResponse(dst, w.x, w.end())
}
