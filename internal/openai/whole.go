package openai

import (
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
)

// Whole collects one answer and writes it as a single JSON object. It is used by
// one goroutine at a time.
type Whole struct {
	progress
	id, model string
	created   int64
	choices   []choice
}

// choice is what has come of one choice.
type choice struct {
	text, reasoning strings.Builder
	finish          chat.FinishReason
}

// NewWhole starts an answer of that many choices.
func NewWhole(id, model string, created time.Time, choices int) *Whole {
	w := &Whole{progress: newProgress(choices), id: id, model: model, created: created.Unix()}
	w.choices = make([]choice, len(w.ended))
	return w
}

// Add takes the next event of the answer.
func (w *Whole) Add(ev chat.Event) {
	if !w.take(ev) {
		return
	}
	c := &w.choices[ev.Choice]
	switch ev.Kind {
	case chat.EventText:
		c.text.WriteString(ev.Text)
	case chat.EventReasoning:
		c.reasoning.WriteString(ev.Text)
	case chat.EventDone:
		c.finish = ev.Finish
	}
}

// Append appends the answer, its choices in the order of their indexes. It is for
// answers that are Complete; for others it appends the body of an error, so that
// half an answer never looks whole.
func (w *Whole) Append(dst []byte) []byte {
	if !w.Complete() {
		return AppendError(dst, incomplete)
	}
	dst = appendHead(dst, w.id, "chat.completion", w.created, w.model)
	dst = append(dst, `,"choices":[`...)
	for i := range w.choices {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = w.choices[i].append(dst, i)
	}
	dst = append(dst, "],"...)
	dst = appendUsage(dst, w.Usage())
	return append(dst, `,"system_fingerprint":null}`...)
}

func (c *choice) append(dst []byte, index int) []byte {
	dst = append(dst, `{"index":`...)
	dst = strconv.AppendInt(dst, int64(index), 10)
	dst = append(dst, `,"message":{"role":"assistant","content":`...)
	dst = appendJSONString(dst, c.text.String())
	dst = append(dst, `,"refusal":null,"annotations":[]`...)
	if c.reasoning.Len() > 0 {
		dst = append(dst, `,"reasoning_content":`...)
		dst = appendJSONString(dst, c.reasoning.String())
	}
	dst = append(dst, `},"logprobs":null,"finish_reason":`...)
	dst = appendJSONString(dst, string(c.finish))
	return append(dst, '}')
}
