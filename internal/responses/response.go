package responses

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// The prefixes of ids. The rest is the same for a response and its items.
const (
	responsePrefix   = "resp_"
	messagePrefix    = "msg_"
	reasoningPrefix  = "rs_"
	callItemPrefix   = "fc_"
	customItemPrefix = "ctc_"
)

// ids are the ids of one response.
type ids struct {
	tail    string
	created time.Time
}

func newIDs() ids { return ids{chat.RandomID("", 40), time.Now()} }

// item is an item of an answer that is collected.
type item struct {
	kind   chat.EventKind // EventReasoning, EventText or EventToolCall
	text   strings.Builder
	call   toolKind
	callID string
	// modelName is the name of the tool as the model knows it.
	modelName string
	index     int // among the calls
}

// appendID appends the id of an item as a JSON string.
func (i *item) appendID(dst []byte, x ids) []byte {
	switch i.kind {
	case chat.EventReasoning:
		return append(append(append(dst, `"`+reasoningPrefix...), x.tail...), '"')
	case chat.EventText:
		return append(append(append(dst, `"`+messagePrefix...), x.tail...), '"')
	}
	prefix := callItemPrefix
	if i.call.isCustom {
		prefix = customItemPrefix
	}
	dst = append(append(dst, '"'), prefix...)
	dst = append(append(dst, x.tail...), '_')
	return append(strconv.AppendInt(dst, int64(i.index), 10), '"')
}

// appendItem appends an item. Before its end an item has no content.
func (i *item) appendItem(dst []byte, x ids, isDone bool) []byte {
	dst = i.appendID(append(dst, `{"id":`...), x)
	status := "in_progress"
	if isDone {
		status = "completed"
	}
	switch i.kind {
	case chat.EventReasoning:
		dst = append(dst, `,"type":"reasoning","summary":[`...)
		if isDone {
			dst = i.appendPart(dst)
		}
		return append(dst, "]}"...)
	case chat.EventText:
		dst = append(dst, `,"type":"message","status":"`+status+`","role":"assistant","content":[`...)
		if isDone {
			dst = i.appendPart(dst)
		}
		return append(dst, "]}"...)
	}
	kind, field := "function_call", "arguments"
	if i.call.isCustom {
		kind, field = "custom_tool_call", "input"
	}
	dst = append(dst, `,"type":"`+kind+`","status":"`+status+`","call_id":`...)
	dst = jsonval.AppendString(dst, i.callID)
	dst = append(dst, `,"name":`...)
	dst = jsonval.AppendString(dst, i.call.name)
	if i.call.namespace != "" {
		dst = append(dst, `,"namespace":`...)
		dst = jsonval.AppendString(dst, i.call.namespace)
	}
	dst = append(dst, `,"`+field+`":`...)
	content := ""
	if isDone {
		content = i.content()
	}
	return append(jsonval.AppendString(dst, content), '}')
}

// appendPart appends the only part of a message or of reasoning.
func (i *item) appendPart(dst []byte) []byte {
	if i.kind == chat.EventReasoning {
		dst = append(dst, `{"type":"summary_text","text":`...)
		return append(jsonval.AppendString(dst, i.text.String()), '}')
	}
	dst = append(dst, `{"type":"output_text","text":`...)
	dst = jsonval.AppendString(dst, i.text.String())
	return append(dst, `,"annotations":[],"logprobs":[]}`...)
}

// content returns the arguments of a call, or the text of a custom tool.
func (i *item) content() string {
	text := i.text.String()
	if !i.call.isCustom {
		return text
	}
	var arguments struct {
		Input *string `json:"input"`
	}
	if err := json.Unmarshal([]byte(text), &arguments); err != nil || arguments.Input == nil {
		return text // nothing is lost if the model wrote something else
	}
	return *arguments.Input
}

// status is the state of a response.
type status string

const (
	inProgress status = "in_progress"
	completed  status = "completed"
	incomplete status = "incomplete"
	failed     status = "failed"
)

// result is what a response has when it ends.
type result struct {
	status  status
	items   []*item
	usage   chat.Usage
	failure *chat.Error
}

// appendResponse appends a response object.
func (r *Request) appendResponse(dst []byte, x ids, end result) []byte {
	dst = append(append(append(dst, `{"id":"`+responsePrefix...), x.tail...), `","object":"response","created_at":`...)
	dst = strconv.AppendInt(dst, x.created.Unix(), 10)
	dst = append(dst, `,"status":"`+string(end.status)+`","completed_at":`...)
	if end.status == completed {
		dst = strconv.AppendInt(dst, time.Now().Unix(), 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"error":`...)
	if end.failure != nil {
		dst = appendFailure(dst, end.failure)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"incomplete_details":`...)
	if end.status == incomplete {
		dst = append(dst, `{"reason":"max_output_tokens"}`...)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"model":`...)
	dst = jsonval.AppendString(dst, r.Model)
	dst = append(dst, `,"output":[`...)
	for i, it := range end.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = it.appendItem(dst, x, true)
	}
	dst = append(dst, ']')
	dst = r.appendEcho(dst, end.status != inProgress)
	dst = append(dst, `,"usage":`...)
	if end.status == inProgress || end.status == failed {
		return append(dst, "null}"...)
	}
	return append(appendUsage(dst, end.usage), '}')
}

// appendEcho appends what a response repeats of its request. The tools come with the end only: those of agents are
// long.
func (r *Request) appendEcho(dst []byte, withTools bool) []byte {
	add := func(name string, v jsonval.Value, absent string) {
		dst = append(dst, `,"`+name+`":`...)
		if v == nil {
			dst = append(dst, absent...)
			return
		}
		dst = append(dst, v...)
	}
	e := &r.echo
	tools := e.tools
	if !withTools {
		tools = nil
	}
	add("instructions", e.instructions, "null")
	add("metadata", e.metadata, "{}")
	add("reasoning", e.reasoning, `{"effort":null,"summary":null}`)
	add("text", e.text, `{"format":{"type":"text"}}`)
	add("tool_choice", e.toolChoice, `"auto"`)
	add("tools", tools, "[]")
	add("user", e.user, "null")
	dst = append(dst, `,"max_output_tokens":`...)
	if r.MaxTokens != nil {
		dst = strconv.AppendInt(dst, int64(*r.MaxTokens), 10)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"temperature":`...)
	if r.Temperature != nil {
		dst = strconv.AppendFloat(dst, *r.Temperature, 'g', -1, 64)
	} else {
		dst = append(dst, '1')
	}
	dst = append(dst, `,"parallel_tool_calls":`...)
	dst = strconv.AppendBool(dst, r.ParallelCalls == nil || *r.ParallelCalls)
	dst = append(dst, `,"store":`...)
	dst = strconv.AppendBool(dst, e.isStored)
	dst = append(dst, `,"top_p":1,"truncation":"disabled","previous_response_id":`...)
	dst = jsonval.AppendStringOrNull(dst, r.PreviousID)
	if r.ConversationID == "" {
		return dst
	}
	dst = jsonval.AppendString(append(dst, `,"conversation":{"id":`...), r.ConversationID)
	return append(dst, '}')
}

// appendUsage appends a usage. Codex shortens a transcript by it.
func appendUsage(dst []byte, u chat.Usage) []byte {
	dst = append(dst, `{"input_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	dst = append(dst, `,"input_tokens_details":{"cached_tokens":0},"output_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.CompletionTokens), 10)
	dst = append(dst, `,"output_tokens_details":{"reasoning_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.ReasoningTokens), 10)
	dst = append(dst, `},"total_tokens":`...)
	return append(strconv.AppendInt(dst, int64(u.PromptTokens+u.CompletionTokens), 10), '}')
}

// AppendCount appends the answer to a request to count tokens.
func AppendCount(dst []byte, tokens int) []byte {
	dst = append(dst, `{"object":"response.input_tokens","input_tokens":`...)
	return append(strconv.AppendInt(dst, int64(tokens), 10), '}')
}
