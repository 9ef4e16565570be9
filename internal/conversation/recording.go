package conversation

import (
	"encoding/json"
	"strings"
	"sync"

	"achuan/internal/chat"
)

// recording is a turn's answer as its client gets it. Clients that attach read it, and the turn's
// end needs it for the head. One turn writes it; any number of readers play it.
type recording struct {
	mu           sync.Mutex
	segments     []segment
	done         *chat.Event // the EventDone; nil before it
	err          error       // the error that ended the turn
	notification chan struct{}
}

// segment is a sequence of pieces of one kind: text, reasoning, or the arguments of one call.
type segment struct {
	first chat.Event // without its Text
	text  *strings.Builder
}

// record adds an event. It leaves out pauses, because each player makes its own.
func (t *recording) record(ev chat.Event) {
	if ev.Kind == chat.EventPause {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ev.Kind == chat.EventDone {
		done := ev       // only this copy is on the heap
		done.Stored = "" // the recording has the answer already
		t.done = &done
	} else {
		t.add(ev)
	}
	t.notify()
}

// wholeOrNil returns the recording if its answer has ended well, and nil otherwise.
func (t *recording) wholeOrNil() *recording {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done == nil {
		return nil
	}
	return t
}

// size estimates the bytes that the recording takes.
func (t *recording) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	const overhead = 512 // bytes of a recording or a segment besides its text
	size := overhead
	for _, p := range t.segments {
		size += overhead + p.text.Cap()
	}
	return size
}

// fail ends the recording with an error.
func (t *recording) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
	t.notify()
}

// notify wakes the players that wait. The caller holds t.mu.
func (t *recording) notify() {
	if t.notification != nil {
		close(t.notification)
		t.notification = nil
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

// continues reports whether an event belongs to the segment.
func (p segment) continues(ev chat.Event) bool {
	return p.first.Kind == ev.Kind && p.first.Call == ev.Call && ev.CallID == "" && ev.CallName == "" &&
		ev.Kind != chat.EventPicture
}

// message returns the answer as its client sends it back: withoutIDs, if its calls went out as `function_call`
// or the client loses ids.
func (t *recording) message(withoutIDs bool) chat.Message {
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
			if withoutIDs {
				call.ID = ""
			}
			call.Arguments += p.text.String()
		default: // the client sends neither reasoning nor pictures back
		}
	}
	return m
}

// cursor is the position of a player in a recording.
type cursor struct {
	segment, offset int
	hasBegun        bool // the first event of the segment was returned
}

// next returns what was recorded after the cursor, one event at a time. When there is nothing
// yet, it returns a channel that is closed when there is.
func (t *recording) next(c *cursor) (ev chat.Event, more <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c.segment < len(t.segments) {
		p := t.segments[c.segment]
		if text := p.text.String()[c.offset:]; text != "" || !c.hasBegun {
			ev = p.first
			if c.hasBegun {
				ev.CallID, ev.CallName = "", ""
			}
			ev.Text = text
			c.offset, c.hasBegun = c.offset+len(text), true
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
	if t.notification == nil {
		t.notification = make(chan struct{})
	}
	return chat.Event{}, t.notification, nil
}

// storedAnswer is an answer as the store keeps it.
type storedAnswer struct {
	Session int64        `json:"session"`
	Events  []chat.Event `json:"events"` // the last is the EventDone
}

// encode returns a whole answer for the store. final is its EventDone when that is not recorded
// yet.
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
		done.Stored = "" // the recording has the answer already
		s.Events = append(s.Events, done)
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil // these types always encode
	}
	return b
}

// decodeRecording returns the recording of a stored answer and its session. It returns nil when
// answer is not valid.
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
