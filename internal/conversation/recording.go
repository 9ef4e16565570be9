package conversation

import (
	"encoding/json"
	"strings"
	"sync"

	"achuan/internal/chat"
)

// recording is a turn's answer as its client gets it, kept for those who attach and to
// know what the session holds. One turn records; any number play.
type recording struct {
	mu       sync.Mutex
	segments []segment
	done     *chat.Event // the EventDone
	err      error       // how it failed
	changed  chan struct{}
}

// segment is a run of pieces of one kind: text, reasoning, or a call's arguments.
type segment struct {
	first chat.Event // without its Text
	text  *strings.Builder
}

// record adds an event. Pauses are the player's own.
func (t *recording) record(ev chat.Event) {
	if ev.Kind == chat.EventPause {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev.Kind == chat.EventDone {
		ev.Stored = "" // the answer once more
		t.done = &ev
	} else {
		t.add(ev)
	}
	t.wake()
}

// ifWhole returns the tape if its answer has ended well, and otherwise nil.
func (t *recording) ifWhole() *recording {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done == nil {
		return nil
	}
	return t
}

// size estimates the bytes that the tape takes.
func (t *recording) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	const overhead = 512 // bytes of a tape or a part besides its text
	size := overhead
	for _, p := range t.segments {
		size += overhead + p.text.Cap()
	}
	return size
}

// fail ends the tape with an error.
func (t *recording) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	t.wake()
}

func (t *recording) wake() {
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
}

func (t *recording) add(ev chat.Event) {
	if n := len(t.segments); n == 0 || !t.segments[n-1].continues(ev) {
		first := ev
		first.Text = ""
		t.segments = append(t.segments, segment{first, new(strings.Builder)})
	}
	t.segments[len(t.segments)-1].text.WriteString(ev.Text)
}

// continues reports whether an event goes on where the part is.
func (p segment) continues(ev chat.Event) bool {
	return p.first.Kind == ev.Kind && p.first.Call == ev.Call && ev.CallID == "" && ev.CallName == ""
}

// message is the answer as its client sends it back: without the ids of its calls
// when it never had them, because they went out as `function_call`.
func (t *recording) message(legacy bool) chat.Message {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := chat.Message{Role: chat.RoleAssistant}
	for _, p := range t.segments {
		switch p.first.Kind {
		case chat.EventText:
			m.Text += p.text.String()
		case chat.EventToolCall:
			for len(m.ToolCalls) <= p.first.Call {
				m.ToolCalls = append(m.ToolCalls, chat.ToolCall{})
			}
			call := &m.ToolCalls[p.first.Call]
			if p.first.CallID != "" {
				call.ID, call.Name = p.first.CallID, p.first.CallName
			}
			if legacy {
				call.ID = ""
			}
			call.Arguments += p.text.String()
		default: // reasoning is no part of it
		}
	}
	return m
}

// cursor is how far a player has come.
type cursor struct {
	segment, offset int
	begun           bool // the part's first event was returned
}

// next returns what has been recorded beyond the cursor, one event at a time. When
// there is nothing yet, it returns a channel that is closed when there is.
func (t *recording) next(c *cursor) (ev chat.Event, more <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c.segment < len(t.segments) {
		p := t.segments[c.segment]
		if text := p.text.String()[c.offset:]; text != "" || !c.begun {
			ev = p.first
			if c.begun {
				ev.CallID, ev.CallName = "", ""
			}
			ev.Text = text
			c.offset, c.begun = c.offset+len(text), true
			return ev, nil, nil
		}
		if c.segment == len(t.segments)-1 {
			break
		}
		*c = cursor{segment: c.segment + 1}
	}
	switch {
	case t.done != nil:
		return *t.done, nil, nil
	case t.err != nil:
		return chat.Event{}, nil, t.err
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return chat.Event{}, t.changed, nil
}

// storedAnswer is an answer as it is kept in the store.
type storedAnswer struct {
	Session int64        `json:"session"`
	Events  []chat.Event `json:"events"` // the last is the EventDone
}

// encode returns a whole answer for the store: the tape, with final where its end
// is not on it yet.
func (t *recording) encode(session int64, final *chat.Event) []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := storedAnswer{Session: session}
	for _, p := range t.segments {
		ev := p.first
		ev.Text = p.text.String()
		s.Events = append(s.Events, ev)
	}
	if t.done != nil {
		final = t.done
	}
	if final != nil {
		done := *final
		done.Stored = "" // the answer once more
		s.Events = append(s.Events, done)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil // not of these types
	}
	return b
}

// decodeRecording returns a tape of a stored answer, nil when it is none.
func decodeRecording(answer []byte) (*recording, int64) {
	var s storedAnswer
	if json.Unmarshal(answer, &s) != nil || len(s.Events) == 0 || s.Events[len(s.Events)-1].Kind != chat.EventDone {
		return nil, 0
	}
	t := new(recording)
	for _, ev := range s.Events {
		t.record(ev)
	}
	return t, s.Session
}
