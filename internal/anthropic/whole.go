package anthropic

import (
	"encoding/json"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// signature is that of every thinking block. Clients refuse blocks without one, and send it back, where it is
// ignored: this server sends no thinking to a model again.
const signature = "YWNodWFu"

// whole collects one answer and writes it as a message.
type whole struct {
	dialect.Progress
	id             string
	req            *Request
	thinking, text strings.Builder
	calls          []call
	done           chat.Event
}

// call is the collected content of one call.
type call struct {
	id, name string
	input    strings.Builder
}

func newWhole(id string, r *Request) *whole {
	return &whole{Progress: dialect.NewProgress(1), id: id, req: r}
}

// Add implements dialect.Whole.
func (w *whole) Add(ev chat.Event) {
	if !w.Accept(ev) {
		return
	}
	switch ev.Kind {
	case chat.EventReasoning:
		w.thinking.WriteString(ev.Text)
	case chat.EventText:
		w.text.WriteString(ev.Text)
	case chat.EventToolCall:
		if ev.CallID != "" {
			id := dialect.ClientCallID(callPrefix, ev.CallID)
			w.calls = append(w.calls, call{id: id, name: w.req.ClientName(ev.CallName)})
		}
		if n := len(w.calls); n > 0 {
			w.calls[n-1].input.WriteString(ev.Text)
		}
	case chat.EventDone:
		w.done = ev
	}
}

// Append implements dialect.Whole. For an answer that is not Complete it appends the body of an error, so that
// half an answer never looks like a whole one.
func (w *whole) Append(dst []byte) []byte {
	if !w.Complete() {
		return AppendError(dst, dialect.ErrIncomplete, "")
	}
	dst = appendMessageHead(dst, w.id, w.req.model)
	dst = append(dst, `,"content":[`...)
	start := len(dst)
	if w.thinking.Len() > 0 && !w.req.hidesThinking {
		dst = append(dst, `{"type":"thinking","thinking":`...)
		dst = jsonval.AppendString(dst, w.thinking.String())
		dst = append(dst, `,"signature":"`+signature+`"},`...)
	}
	if w.text.Len() > 0 {
		dst = append(dst, `{"type":"text","text":`...)
		dst = jsonval.AppendString(dst, w.text.String())
		dst = append(dst, "},"...)
	}
	for i := range w.calls {
		c := &w.calls[i]
		dst = append(dst, `{"type":"tool_use","id":`...)
		dst = jsonval.AppendString(dst, c.id)
		dst = append(dst, `,"name":`...)
		dst = jsonval.AppendString(dst, c.name)
		dst = append(dst, `,"input":`...)
		dst = append(appendInput(dst, c.input.String()), "},"...)
	}
	if len(dst) > start {
		dst = dst[:len(dst)-1]
	}
	dst = append(dst, "],"...)
	dst = appendStop(dst, w.done)
	dst = append(dst, `,"usage":`...)
	return append(appendUsage(dst, w.Usage()), '}')
}

// appendInput appends the arguments of a call. Arguments that are no JSON object, which happens only if they
// were streamed before they were checked, become the member `_arguments`.
func appendInput(dst []byte, arguments string) []byte {
	switch text := strings.TrimSpace(arguments); {
	case text == "":
		return append(dst, "{}"...)
	case text[0] == '{' && json.Valid([]byte(text)):
		return append(dst, text...)
	default:
		dst = append(dst, `{"_arguments":`...)
		return append(jsonval.AppendString(dst, arguments), '}')
	}
}

// appendMessageHead appends the beginning of a message, up to its model.
func appendMessageHead(dst []byte, id, model string) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonval.AppendString(dst, id)
	dst = append(dst, `,"type":"message","role":"assistant","model":`...)
	return jsonval.AppendString(dst, model)
}

// appendStop appends why an answer ended.
func appendStop(dst []byte, done chat.Event) []byte {
	reason := "end_turn"
	switch {
	case done.StopSequence != "":
		reason = "stop_sequence"
	case done.Finish == chat.FinishLength:
		reason = "max_tokens"
	case done.Finish == chat.FinishTools:
		reason = "tool_use"
	}
	dst = append(dst, `"stop_reason":"`+reason+`","stop_sequence":`...)
	return jsonval.AppendStringOrNull(dst, done.StopSequence)
}

// appendUsage appends a usage. Clients decide by it when to shorten a transcript.
func appendUsage(dst []byte, u chat.Usage) []byte {
	dst = append(dst, `{"input_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	dst = append(dst, `,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.CompletionTokens), 10)
	return append(dst, `,"service_tier":"standard"}`...)
}

// AppendCount appends the answer to a request to count tokens.
func AppendCount(dst []byte, tokens int) []byte {
	dst = append(dst, `{"input_tokens":`...)
	return append(strconv.AppendInt(dst, int64(tokens), 10), '}')
}
