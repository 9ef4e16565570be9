package gemini

import (
	"encoding/base64"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// signature is that of the first call of an answer. Strict clients refuse calls without one, and send it back, where
// it is ignored.
const signature = "YWNodWFu"

// call is the collected content of one call.
type call struct {
	id, name  string
	arguments strings.Builder
}

// candidate is the collected content of one candidate.
type candidate struct {
	thoughts, text strings.Builder
	calls          []call
	pictures       []*chat.Picture
	done           chat.Event
}

func (c *candidate) addCall(ev chat.Event, r *Request) {
	if ev.CallID != "" {
		c.calls = append(c.calls, call{id: ev.CallID, name: r.ClientName(ev.CallName)})
	}
	if n := len(c.calls); n > 0 {
		c.calls[n-1].arguments.WriteString(ev.Text)
	}
}

// whole collects an answer and writes it as one object.
type whole struct {
	dialect.Progress
	id         string
	req        *Request
	candidates []candidate
}

func newWhole(id string, r *Request) *whole {
	w := &whole{Progress: dialect.NewProgress(r.N), id: id, req: r}
	w.candidates = make([]candidate, w.Choices())
	return w
}

// Add implements dialect.Whole.
func (w *whole) Add(ev chat.Event) {
	if !w.Accept(ev) {
		return
	}
	c := &w.candidates[ev.Choice]
	switch ev.Kind {
	case chat.EventReasoning:
		c.thoughts.WriteString(ev.Text)
	case chat.EventText:
		c.text.WriteString(ev.Text)
	case chat.EventToolCall:
		c.addCall(ev, w.req)
	case chat.EventPicture:
		if ev.Picture != nil {
			c.pictures = append(c.pictures, ev.Picture)
		}
	case chat.EventDone:
		c.done = ev
	}
}

// Append implements dialect.Whole. For an answer that is not Complete it appends the body of an error, so that
// half an answer never looks like a whole one.
func (w *whole) Append(dst []byte) []byte {
	if !w.Complete() {
		dst, _ = AppendError(dst, dialect.ErrIncomplete)
		return dst
	}
	dst = append(dst, `{"candidates":[`...)
	for i := range w.candidates {
		if i > 0 {
			dst = append(dst, ',')
		}
		c := &w.candidates[i]
		dst = append(dst, `{"content":{"role":"model","parts":[`...)
		if c.thoughts.Len() > 0 && !w.req.hidesThoughts {
			dst = append(appendTextPart(dst, c.thoughts.String(), true), ',')
		}
		if c.text.Len() > 0 || len(c.calls) == 0 {
			dst = append(appendTextPart(dst, c.text.String(), false), ',')
		}
		for _, p := range c.pictures {
			dst = append(appendPicturePart(dst, p), ',')
		}
		for k := range c.calls {
			dst = append(c.calls[k].appendPart(dst, k == 0), ',')
		}
		dst = appendEnd(dst[:len(dst)-1], c.done, i)
	}
	dst = append(dst, ']')
	return w.req.appendTail(dst, w.id, w.Usage())
}

// appendTextPart appends a part with text.
func appendTextPart(dst []byte, text string, isThought bool) []byte {
	dst = jsonval.AppendString(append(dst, `{"text":`...), text)
	if isThought {
		dst = append(dst, `,"thought":true`...)
	}
	return append(dst, '}')
}

// appendPicturePart appends a part with the bytes of a picture.
func appendPicturePart(dst []byte, p *chat.Picture) []byte {
	dst = jsonval.AppendString(append(dst, `{"inlineData":{"mimeType":`...), p.Type)
	dst = append(dst, `,"data":"`...)
	return append(base64.StdEncoding.AppendEncode(dst, p.Bytes), `"}}`...)
}

// WantsPictures implements dialect.PictureWriter.
func (w *whole) WantsPictures() bool { return w.req.wantsPictures }

// appendPart appends a call, which is one part. Arguments that are no JSON object, which happens only if they were
// streamed before they were checked, become the member `_arguments`.
func (c *call) appendPart(dst []byte, isFirst bool) []byte {
	dst = jsonval.AppendString(append(dst, `{"functionCall":{"id":`...), c.id)
	dst = jsonval.AppendString(append(dst, `,"name":`...), c.name)
	dst = append(dst, `,"args":`...)
	switch arguments := c.arguments.String(); {
	case strings.TrimSpace(arguments) == "":
		dst = append(dst, "{}"...)
	case isObject(arguments):
		dst = appendOneLine(dst, arguments)
	default:
		dst = append(jsonval.AppendString(append(dst, `{"_arguments":`...), arguments), '}')
	}
	dst = append(dst, '}')
	if isFirst {
		dst = append(dst, `,"thoughtSignature":"`+signature+`"`...)
	}
	return append(dst, '}')
}

// appendOneLine appends JSON without the line breaks between its tokens, which would end a line of an event stream.
func appendOneLine(dst []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c != '\n' && c != '\r' { // neither is part of a JSON string
			dst = append(dst, c)
		}
	}
	return dst
}

// appendEnd appends the part of a candidate after its last part.
func appendEnd(dst []byte, done chat.Event, index int) []byte {
	reason := "STOP"
	if done.Finish == chat.FinishLength {
		reason = "MAX_TOKENS"
	}
	dst = append(dst, `]},"finishReason":"`+reason+`","index":`...)
	return append(strconv.AppendInt(dst, int64(index), 10), '}')
}

// appendTail appends what follows the candidates.
func (r *Request) appendTail(dst []byte, id string, u chat.Usage) []byte {
	dst = append(dst, `,"usageMetadata":{"promptTokenCount":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	dst = append(dst, `,"candidatesTokenCount":`...)
	dst = strconv.AppendInt(dst, int64(u.CompletionTokens-u.ReasoningTokens), 10)
	if u.ReasoningTokens > 0 {
		dst = append(dst, `,"thoughtsTokenCount":`...)
		dst = strconv.AppendInt(dst, int64(u.ReasoningTokens), 10)
	}
	dst = append(dst, `,"totalTokenCount":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens+u.CompletionTokens), 10)
	dst = append(dst, `},"modelVersion":`...)
	dst = jsonval.AppendString(dst, r.Model)
	dst = append(dst, `,"responseId":`...)
	return append(jsonval.AppendString(dst, id), '}')
}

// AppendCount appends the answer to a request to count tokens.
func AppendCount(dst []byte, tokens int) []byte {
	dst = strconv.AppendInt(append(dst, `{"totalTokens":`...), int64(tokens), 10)
	dst = strconv.AppendInt(append(dst, `,"promptTokensDetails":[{"modality":"TEXT","tokenCount":`...), int64(tokens), 10)
	return append(dst, "}]}"...)
}
