package responses

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// stream writes one answer as the events of an event stream, which are numbered.
//
// Codex runs a call as soon as its item is done, and keeps a text whose item is done in the history that it repeats a
// request with, whatever follows. So every item but reasoning is done only with the EventDone of the answer. Items
// may be open at the same time, because each event names its item.
type stream struct {
	collected
	hasBegun  bool
	number    int  // of the next event
	reasoning bool // the item of reasoning is open
}

func newStream(x ids, r *Request) *stream {
	return &stream{collected: collected{Progress: dialect.NewProgress(1), x: x, req: r}}
}

// ContentType implements dialect.Stream.
func (s *stream) ContentType() string { return dialect.EventStream }

// AppendKeepAlive implements dialect.Stream. Comments do not reset the timer of Codex, and the first event must be
// response.created.
func (s *stream) AppendKeepAlive(dst []byte) []byte {
	if !s.hasBegun {
		return s.begin(dst)
	}
	return s.close(s.open(dst, "keepalive"))
}

// open appends an event up to its number.
func (s *stream) open(dst []byte, kind string) []byte {
	dst = append(dst, "event: "...)
	dst = append(dst, kind...)
	dst = append(dst, "\ndata: {\"type\":\""...)
	dst = append(dst, kind...)
	dst = append(dst, `","sequence_number":`...)
	dst = strconv.AppendInt(dst, int64(s.number), 10)
	s.number++
	return dst
}

func (s *stream) close(dst []byte) []byte { return append(dst, "}\n\n"...) }

// openItem appends an event about the item at an index, up to its number.
func (s *stream) openItem(dst []byte, kind string, at int) []byte {
	dst = s.open(dst, kind)
	dst = append(dst, `,"output_index":`...)
	return strconv.AppendInt(dst, int64(at), 10)
}

// openPart appends an event about the content of an item, up to the place of the content.
func (s *stream) openPart(dst []byte, kind string, at int) []byte {
	dst = s.openItem(dst, kind, at)
	dst = s.items[at].appendID(append(dst, `,"item_id":`...), s.x)
	switch s.items[at].kind {
	case chat.EventReasoning:
		return append(dst, `,"summary_index":0`...)
	case chat.EventText:
		return append(dst, `,"content_index":0`...)
	}
	return dst
}

// begin appends the first events.
func (s *stream) begin(dst []byte) []byte {
	if s.hasBegun {
		return dst
	}
	s.hasBegun = true
	for _, kind := range []string{"response.created", "response.in_progress"} {
		dst = s.appendResult(dst, kind, result{status: inProgress})
	}
	return dst
}

// appendResult appends an event with the response.
func (s *stream) appendResult(dst []byte, kind string, end result) []byte {
	dst = append(s.open(dst, kind), `,"response":`...)
	return s.close(s.req.appendResponse(dst, s.x, end))
}

// Append implements dialect.Stream.
func (s *stream) Append(dst []byte, ev chat.Event) []byte {
	if !s.Accept(ev) {
		return dst
	}
	dst = s.begin(dst)
	if ev.Kind == chat.EventDone {
		s.done = ev
		dst = s.endReasoning(dst)
		for at, it := range s.items {
			if it.kind != chat.EventReasoning {
				dst = s.endItem(dst, at)
			}
		}
		return dst
	}
	at, isNew := s.add(ev)
	if at < 0 {
		return dst
	}
	if isNew {
		dst = s.beginItem(dst, at)
	}
	it := s.items[at]
	if ev.Text == "" || it.call.isCustom { // the text of a custom tool is known at its end
		return dst
	}
	kind := "response.output_text.delta"
	switch it.kind {
	case chat.EventReasoning:
		kind = "response.reasoning_summary_text.delta"
	case chat.EventToolCall:
		kind = "response.function_call_arguments.delta"
	}
	dst = append(s.openPart(dst, kind, at), `,"delta":`...)
	dst = jsonval.AppendString(dst, ev.Text)
	if it.kind == chat.EventText {
		dst = append(dst, `,"logprobs":[]`...)
	}
	return s.close(dst)
}

// beginItem appends the beginning of an item. Reasoning ends before another item begins.
func (s *stream) beginItem(dst []byte, at int) []byte {
	dst = s.endReasoning(dst)
	it := s.items[at]
	dst = append(s.openItem(dst, "response.output_item.added", at), `,"item":`...)
	dst = s.close(it.appendItem(dst, s.x, false))
	switch it.kind {
	case chat.EventReasoning:
		s.reasoning = true
		dst = s.openPart(dst, "response.reasoning_summary_part.added", at)
		return append(dst, `,"part":{"type":"summary_text","text":""}}`+"\n\n"...)
	case chat.EventText:
		dst = s.openPart(dst, "response.content_part.added", at)
		return append(dst, `,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}`+"\n\n"...)
	}
	return dst
}

// endReasoning ends the item of reasoning if it is open.
func (s *stream) endReasoning(dst []byte) []byte {
	if !s.reasoning {
		return dst
	}
	s.reasoning = false
	for at, it := range s.items {
		if it.kind == chat.EventReasoning {
			dst = s.endItem(dst, at)
		}
	}
	return dst
}

// endItem appends the end of an item.
func (s *stream) endItem(dst []byte, at int) []byte {
	it := s.items[at]
	text := func(kind, field string) {
		dst = append(s.openPart(dst, kind, at), `,"`+field+`":`...)
		dst = jsonval.AppendString(dst, it.content())
	}
	switch {
	case it.kind == chat.EventReasoning:
		text("response.reasoning_summary_text.done", "text")
		dst = append(s.openPart(s.close(dst), "response.reasoning_summary_part.done", at), `,"part":`...)
		dst = s.close(it.appendPart(dst))
	case it.kind == chat.EventText:
		text("response.output_text.done", "text")
		dst = append(dst, `,"logprobs":[]`...)
		dst = append(s.openPart(s.close(dst), "response.content_part.done", at), `,"part":`...)
		dst = s.close(it.appendPart(dst))
	case it.call.isCustom:
		text("response.custom_tool_call_input.delta", "delta")
		dst = s.close(dst)
		text("response.custom_tool_call_input.done", "input")
		dst = s.close(dst)
	default:
		text("response.function_call_arguments.done", "arguments")
		dst = append(dst, `,"name":`...)
		dst = s.close(jsonval.AppendString(dst, it.call.name))
	}
	dst = append(s.openItem(dst, "response.output_item.done", at), `,"item":`...)
	return s.close(it.appendItem(dst, s.x, true))
}

// AppendEnd implements dialect.Stream.
func (s *stream) AppendEnd(dst []byte) []byte {
	if !s.Complete() {
		return s.AppendError(dst, dialect.ErrIncomplete)
	}
	end := s.end()
	return s.appendResult(dst, "response."+string(end.status), end)
}

// AppendError implements dialect.Stream.
func (s *stream) AppendError(dst []byte, e *chat.Error) []byte {
	return s.appendResult(s.begin(dst), "response.failed", result{status: failed, failure: e})
}

// FailsInStream reports whether a failure before the first byte is told in the stream. Codex repeats a request 30 times
// after a status of 5xx, and 6 times after a failed response.
func (s *stream) FailsInStream(e *chat.Error) bool {
	return s.req.isCodex && !e.NotAsked && failureCode(e) == "server_error" && e.Kind != chat.KindConflict
}
