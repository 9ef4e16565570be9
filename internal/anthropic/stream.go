package anthropic

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// stream writes one answer as the events of an event stream: blocks of thinking, text and calls, one after
// another.
//
// Claude Code runs a call as soon as its block ends, whatever follows. So the last block, and every block of a
// call, ends only with the EventDone of the answer. The events of the second call and of later ones wait until
// then, because a block begins after the end of the one before.
type stream struct {
	dialect.Progress
	id       string
	req      *Request
	hasBegun bool
	block    chat.EventKind // of the open block; 0 for none
	index    int            // of the open or of the next block
	held     []byte         // events of the calls after the first
	done     chat.Event
}

func newStream(id string, r *Request) *stream {
	return &stream{Progress: dialect.NewProgress(1), id: id, req: r}
}

// ContentType implements dialect.Stream.
func (s *stream) ContentType() string { return dialect.EventStream }

// AppendKeepAlive implements dialect.Stream. A ping may also come before the message.
func (s *stream) AppendKeepAlive(dst []byte) []byte {
	return append(dst, "event: ping\ndata: {\"type\":\"ping\"}\n\n"...)
}

// Append implements dialect.Stream.
func (s *stream) Append(dst []byte, ev chat.Event) []byte {
	if !s.Accept(ev) {
		return dst
	}
	dst = s.begin(dst)
	switch ev.Kind {
	case chat.EventDone:
		s.done = ev
		return s.closeBlock(append(dst, s.held...))
	case chat.EventReasoning:
		if ev.Text != "" && !s.req.hidesThinking {
			return s.delta(dst, ev, `{"type":"thinking","thinking":"","signature":""}`, "thinking_delta", "thinking")
		}
	case chat.EventText:
		if ev.Text != "" {
			return s.delta(dst, ev, `{"type":"text","text":""}`, "text_delta", "text")
		}
	case chat.EventToolCall:
		return s.call(dst, ev)
	}
	return dst
}

// begin appends the event with which every answer begins. Its number of input tokens is a guess that the last
// event corrects.
func (s *stream) begin(dst []byte) []byte {
	if s.hasBegun {
		return dst
	}
	s.hasBegun = true
	dst = append(dst, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"...)
	dst = appendMessageHead(dst, s.id, s.req.model)
	dst = append(dst, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":`...)
	dst = appendUsage(dst, chat.Usage{PromptTokens: s.req.GuessTokens(), CompletionTokens: 1})
	return append(dst, "}}\n\n"...)
}

// delta appends a piece of thinking or of text.
func (s *stream) delta(dst []byte, ev chat.Event, block, delta, field string) []byte {
	if s.block != ev.Kind {
		dst = s.openBlock(s.closeBlock(dst), ev.Kind, block)
	}
	return s.appendDelta(dst, delta, field, ev.Text)
}

func (s *stream) appendDelta(dst []byte, delta, field, text string) []byte {
	dst = append(dst, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(s.index), 10)
	dst = append(dst, `,"delta":{"type":"`...)
	dst = append(dst, delta...)
	dst = append(dst, `","`...)
	dst = append(dst, field...)
	dst = append(dst, `":`...)
	dst = jsonval.AppendString(dst, text)
	return append(dst, "}}\n\n"...)
}

// call appends a piece of a call, or holds it back.
func (s *stream) call(dst []byte, ev chat.Event) []byte {
	if s.block == chat.EventToolCall && (ev.CallID != "" || s.held != nil) {
		s.held = s.appendCall(s.held, ev)
		return dst
	}
	return s.appendCall(dst, ev)
}

func (s *stream) appendCall(dst []byte, ev chat.Event) []byte {
	if ev.CallID != "" {
		block := []byte(`{"type":"tool_use","id":`)
		block = jsonval.AppendString(block, dialect.ClientCallID(callPrefix, ev.CallID))
		block = append(block, `,"name":`...)
		block = jsonval.AppendString(block, s.req.ClientName(ev.CallName))
		block = append(block, `,"input":{}}`...)
		dst = s.openBlock(s.closeBlock(dst), ev.Kind, string(block))
	}
	if ev.Text == "" {
		return dst
	}
	return s.appendDelta(dst, "input_json_delta", "partial_json", ev.Text)
}

func (s *stream) openBlock(dst []byte, kind chat.EventKind, block string) []byte {
	s.block = kind
	dst = append(dst, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(s.index), 10)
	dst = append(dst, `,"content_block":`...)
	dst = append(dst, block...)
	return append(dst, "}\n\n"...)
}

func (s *stream) closeBlock(dst []byte) []byte {
	if s.block == 0 {
		return dst
	}
	if s.block == chat.EventReasoning {
		dst = s.appendDelta(dst, "signature_delta", "signature", signature)
	}
	s.block = 0
	dst = append(dst, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":"...)
	dst = strconv.AppendInt(dst, int64(s.index), 10)
	s.index++
	return append(dst, "}\n\n"...)
}

// AppendEnd implements dialect.Stream.
func (s *stream) AppendEnd(dst []byte) []byte {
	if !s.Complete() {
		return s.AppendError(dst, dialect.ErrIncomplete)
	}
	dst = append(dst, "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"...)
	dst = appendStop(dst, s.done)
	dst = append(dst, `},"usage":`...)
	dst = appendUsage(dst, s.Usage())
	return append(dst, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

// AppendError implements dialect.Stream.
func (s *stream) AppendError(dst []byte, e *chat.Error) []byte {
	dst = append(dst, "event: error\ndata: "...)
	dst = AppendError(dst, e, "")
	return append(dst, "\n\n"...)
}
