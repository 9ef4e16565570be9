package openai

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Whole collects one answer and writes it as a single JSON object. One goroutine uses it
// at a time.
type Whole struct {
	dialect.Progress
	id, model string
	created   int64
	isLegacy  bool // calls go out as function_call
	req       *ChatRequest
	choices   []choice
}

// choice is the collected content of one choice.
type choice struct {
	text, reasoning strings.Builder
	calls           []call
	pictures        []string // URLs
	finish          chat.FinishReason
	citations       []chat.Citation
}

// call is the collected content of one tool call.
type call struct {
	id, name  string
	arguments strings.Builder
}

// NewWhole starts the answer to a request.
func NewWhole(id string, created time.Time, r *ChatRequest) *Whole {
	w := &Whole{
		Progress: dialect.NewProgress(r.N), id: id, model: r.Model, created: created.Unix(), isLegacy: r.LegacyCalls,
		req: r,
	}
	w.choices = make([]choice, w.Choices())
	return w
}

// Add adds the next event of the answer.
func (w *Whole) Add(ev chat.Event) {
	if !w.Accept(ev) {
		return
	}
	c := &w.choices[ev.Choice]
	switch ev.Kind {
	case chat.EventText:
		c.text.WriteString(ev.Text)
	case chat.EventReasoning:
		c.reasoning.WriteString(ev.Text)
	case chat.EventToolCall:
		ev.CallName = w.req.ClientName(ev.CallName)
		c.addCall(ev)
	case chat.EventPicture:
		c.pictures = append(c.pictures, ev.Text)
	case chat.EventDone:
		c.finish, c.citations = ev.Finish, ev.Citations
	}
}

// Append appends the answer, with its choices in the order of their indexes. For an answer
// that is not Complete it appends the body of an error, so that half an answer never looks
// like a whole one.
func (w *Whole) Append(dst []byte) []byte {
	if !w.Complete() {
		return AppendError(dst, dialect.ErrIncomplete)
	}
	dst = slices.Grow(dst, w.sizeHint())
	dst = appendHead(dst, w.id, "chat.completion", w.created, w.model)
	dst = append(dst, `,"choices":[`...)
	for i := range w.choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.choices[i].append(dst, i, w.isLegacy)
	}
	dst = append(dst, "],"...)
	dst = appendUsage(dst, w.Usage())
	return append(dst, `,"system_fingerprint":null}`...)
}

// sizeHint estimates the bytes that Append appends, so that a large answer is not copied
// while it is written. An eighth is for the escapes.
func (w *Whole) sizeHint() int {
	const overhead = 256 // bytes of an answer, a choice or a call besides its texts
	size := overhead
	for i := range w.choices {
		c := &w.choices[i]
		size += overhead + c.text.Len() + c.reasoning.Len()
		for k := range c.calls {
			size += overhead + c.calls[k].arguments.Len()
		}
	}
	return size + size/8
}

// addCall adds a piece of a tool call. All pieces of a call come before the next call.
func (c *choice) addCall(ev chat.Event) {
	if ev.CallID != "" {
		c.calls = append(c.calls, call{id: ev.CallID, name: ev.CallName})
	}
	if n := len(c.calls); n > 0 {
		c.calls[n-1].arguments.WriteString(ev.Text)
	}
}

func (c *choice) append(dst []byte, index int, legacy bool) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	dst = append(dst, `,"message":{"role":"assistant","content":`...)
	if len(c.calls) > 0 {
		dst = jsonval.AppendStringOrNull(dst, c.text.String())
		dst = c.appendCalls(dst, legacy)
	} else {
		dst = jsonval.AppendString(dst, c.text.String())
	}
	dst = append(dst, `,"refusal":null,"annotations":`...)
	dst = appendAnnotations(dst, c.citations, utf8.RuneCountInString(c.text.String()))
	dst = c.appendPictures(dst)
	if c.reasoning.Len() > 0 {
		dst = append(dst, `,"reasoning_content":`...)
		dst = jsonval.AppendString(dst, c.reasoning.String())
	}
	dst = append(dst, `},"logprobs":null,"finish_reason":`...)
	dst = jsonval.AppendString(dst, finishReason(c.finish, legacy))
	return append(dst, '}')
}

// appendPictures appends the pictures, if there are any, in the shape that clients know from other
// servers. OpenAI's own answers have none.
func (c *choice) appendPictures(dst []byte) []byte {
	if len(c.pictures) == 0 {
		return dst
	}
	dst = append(dst, `,"images":[`...)
	for i, url := range c.pictures {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendPicture(dst, i, url)
	}
	return append(dst, ']')
}

// appendPicture appends a picture of an answer.
func appendPicture(dst []byte, index int, url string) []byte {
	dst = append(dst, `{"type":"image_url","image_url":{"url":`...)
	dst = jsonval.AppendString(dst, url)
	dst = append(dst, `},"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	return append(dst, '}')
}

func (c *choice) appendCalls(dst []byte, legacy bool) []byte {
	if legacy { // the older form has at most one call
		dst = append(dst, `,"function_call":`...)
		return appendFunction(dst, c.calls[0].name, c.calls[0].arguments.String())
	}
	dst = append(dst, `,"tool_calls":[`...)
	for i := range c.calls {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCallHead(append(dst, '{'), c.calls[i].id)
		dst = appendFunction(dst, c.calls[i].name, c.calls[i].arguments.String())
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
