package ollama

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// call is the collected content of one call.
type call struct {
	id, name  string
	arguments strings.Builder
}

// answer is what the whole answer and the stream share.
type answer struct {
	dialect.Progress
	start time.Time
	req   *Request
	calls []call
	done  chat.Event
}

func newAnswer(start time.Time, r *Request) answer {
	return answer{Progress: dialect.NewProgress(1), start: start, req: r}
}

func (a *answer) addCall(ev chat.Event) {
	if ev.CallID != "" {
		a.calls = append(a.calls, call{id: ev.CallID, name: a.req.ClientName(ev.CallName)})
	}
	if n := len(a.calls); n > 0 {
		a.calls[n-1].arguments.WriteString(ev.Text)
	}
}

// content is what one object of an answer says.
type content struct {
	text, thinking string
	hasCalls       bool
}

// open appends an object up to the end of its content.
func (a *answer) open(dst []byte, c content) []byte {
	dst = jsonval.AppendString(append(dst, `{"model":`...), a.req.model)
	dst = append(dst, `,"created_at":"`...)
	dst = time.Now().UTC().AppendFormat(dst, time.RFC3339Nano)
	if a.req.generates {
		dst = jsonval.AppendString(append(dst, `","response":`...), c.text)
		return appendThinking(dst, c.thinking)
	}
	dst = jsonval.AppendString(append(dst, `","message":{"role":"assistant","content":`...), c.text)
	dst = appendThinking(dst, c.thinking)
	if c.hasCalls {
		dst = append(dst, `,"tool_calls":[`...)
		for i := range a.calls {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = a.calls[i].append(dst, i)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendThinking(dst []byte, thinking string) []byte {
	if thinking == "" {
		return dst
	}
	return jsonval.AppendString(append(dst, `,"thinking":`...), thinking)
}

// append appends a call. Arguments that are no JSON object, which happens only if they were streamed before they were
// checked, become the member `_arguments`.
func (c *call) append(dst []byte, index int) []byte {
	dst = jsonval.AppendString(append(dst, `{"id":`...), c.id)
	dst = strconv.AppendInt(append(dst, `,"function":{"index":`...), int64(index), 10)
	dst = jsonval.AppendString(append(dst, `,"name":`...), c.name)
	dst = append(dst, `,"arguments":`...)
	arguments := strings.TrimSpace(c.arguments.String())
	switch {
	case arguments == "":
		dst = append(dst, "{}"...)
	case arguments[0] == '{' && json.Valid([]byte(arguments)):
		for i := range len(arguments) { // a line break would end the line of a stream
			if b := arguments[i]; b != '\n' && b != '\r' {
				dst = append(dst, b)
			}
		}
	default:
		dst = append(jsonval.AppendString(append(dst, `{"_arguments":`...), arguments), '}')
	}
	return append(dst, "}}"...)
}

// appendDone appends the end of the last object. Ollama has durations where the platform tells none: clients divide by
// them, so they are never 0.
func (a *answer) appendDone(dst []byte) []byte {
	reason := "stop"
	if a.done.Finish == chat.FinishLength {
		reason = "length"
	}
	u := a.Usage()
	taken := max(time.Since(a.start).Nanoseconds(), 2)
	dst = append(dst, `,"done":true,"done_reason":"`+reason+`","total_duration":`...)
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"", taken},
		{"load_duration", 0},
		{"prompt_eval_count", int64(u.PromptTokens)},
		{"prompt_eval_duration", taken / 2},
		{"eval_count", int64(u.CompletionTokens)},
		{"eval_duration", taken - taken/2},
	} {
		if field.name != "" {
			dst = append(dst, `,"`+field.name+`":`...)
		}
		dst = strconv.AppendInt(dst, field.value, 10)
	}
	return append(dst, '}')
}

// AppendLoaded appends the answer to a request without a question.
func (r *Request) AppendLoaded(dst []byte) []byte {
	a := newAnswer(time.Now(), r)
	reason := "load"
	if r.unloads {
		reason = "unload"
	}
	return append(a.open(dst, content{}), `,"done":true,"done_reason":"`+reason+`"}`...)
}

// whole collects an answer and writes it as one object.
type whole struct {
	answer
	text, thinking strings.Builder
}

func newWhole(start time.Time, r *Request) *whole { return &whole{answer: newAnswer(start, r)} }

// Add implements dialect.Whole.
func (w *whole) Add(ev chat.Event) {
	if !w.Accept(ev) {
		return
	}
	switch ev.Kind {
	case chat.EventReasoning:
		if !w.req.hidesThinking {
			w.thinking.WriteString(ev.Text)
		}
	case chat.EventText:
		w.text.WriteString(ev.Text)
	case chat.EventToolCall:
		w.addCall(ev)
	case chat.EventDone:
		w.done = ev
	}
}

// Append implements dialect.Whole. For an answer that is not Complete it appends the body of an error, so that
// half an answer never looks like a whole one.
func (w *whole) Append(dst []byte) []byte {
	if !w.Complete() {
		return AppendError(dst, dialect.ErrIncomplete)
	}
	return w.appendDone(w.open(dst, content{w.text.String(), w.thinking.String(), len(w.calls) > 0}))
}

// stream writes one answer as lines of JSON. Calls go out whole, with the end: after the answer has been saved.
type stream struct{ answer }

func newStream(start time.Time, r *Request) *stream { return &stream{newAnswer(start, r)} }

// ContentType implements dialect.Stream.
func (s *stream) ContentType() string { return "application/x-ndjson" }

// AppendKeepAlive implements dialect.Stream: with an empty piece, because clients fail at empty lines.
func (s *stream) AppendKeepAlive(dst []byte) []byte { return s.line(dst, content{}) }

func (s *stream) line(dst []byte, c content) []byte {
	return append(s.open(dst, c), `,"done":false}`+"\n"...)
}

// Append implements dialect.Stream.
func (s *stream) Append(dst []byte, ev chat.Event) []byte {
	if !s.Accept(ev) {
		return dst
	}
	switch {
	case ev.Kind == chat.EventToolCall:
		s.addCall(ev)
	case ev.Kind == chat.EventDone:
		s.done = ev
		if len(s.calls) > 0 {
			dst = s.line(dst, content{hasCalls: true})
		}
		return append(s.appendDone(s.open(dst, content{})), '\n')
	case ev.Text == "":
	case ev.Kind == chat.EventText:
		return s.line(dst, content{text: ev.Text})
	case ev.Kind == chat.EventReasoning && !s.req.hidesThinking:
		return s.line(dst, content{thinking: ev.Text})
	}
	return dst
}

// AppendEnd implements dialect.Stream.
func (s *stream) AppendEnd(dst []byte) []byte {
	if !s.Complete() {
		return s.AppendError(dst, dialect.ErrIncomplete)
	}
	return dst
}

// AppendError implements dialect.Stream.
func (s *stream) AppendError(dst []byte, e *chat.Error) []byte {
	return append(AppendError(dst, e), '\n')
}
