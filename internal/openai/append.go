package openai

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// appendUsage appends `"usage":{…}`.
func appendUsage(dst []byte, u chat.Usage) []byte {
	dst = append(dst, `"usage":{"prompt_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens), 10)
	dst = append(dst, `,"completion_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.CompletionTokens), 10)
	dst = append(dst, `,"total_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.PromptTokens+u.CompletionTokens), 10)
	dst = append(dst, `,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},`...)
	dst = append(dst, `"completion_tokens_details":{"reasoning_tokens":`...)
	dst = strconv.AppendInt(dst, int64(u.ReasoningTokens), 10)
	return append(dst, `,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`...)
}

// appendHead appends the beginning of an answer or a chunk, up to its model.
func appendHead(dst []byte, id, object string, created int64, model string) []byte {
	dst = append(dst, `{"id":`...)
	dst = jsonval.AppendString(dst, id)
	dst = append(dst, `,"object":"`...)
	dst = append(dst, object...)
	dst = append(dst, `","created":`...)
	dst = strconv.AppendInt(dst, created, 10)
	dst = append(dst, `,"model":`...)
	return jsonval.AppendString(dst, model)
}

// finishReason returns the finish_reason of a choice, which differs in the older form of
// calls.
func finishReason(why chat.FinishReason, legacy bool) string {
	if legacy && why == chat.FinishTools {
		return "function_call"
	}
	return string(why)
}

// appendCallHead appends the id and the type of a call, up to its function.
func appendCallHead(dst []byte, id string) []byte {
	dst = append(dst, `"id":`...)
	dst = jsonval.AppendString(dst, id)
	return append(dst, `,"type":"function","function":`...)
}

func appendFunction(dst []byte, name, arguments string) []byte {
	dst = append(dst, `{"name":`...)
	dst = jsonval.AppendString(dst, name)
	dst = append(dst, `,"arguments":`...)
	dst = jsonval.AppendString(dst, arguments)
	return append(dst, '}')
}

// appendAnnotations appends the pages on which an answer is based. The platform does not say which part of the text
// a page belongs to, so each is cited at the end. size is the length of the text in characters.
func appendAnnotations(dst []byte, citations []chat.Citation, size int) []byte {
	dst = append(dst, '[')
	for i, c := range citations {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"type":"url_citation","url_citation":{"url":`...)
		dst = jsonval.AppendString(dst, c.URL)
		dst = append(dst, `,"title":`...)
		dst = jsonval.AppendString(dst, c.Title)
		for _, name := range []string{"start_index", "end_index"} {
			dst = append(dst, `,"`+name+`":`...)
			dst = strconv.AppendInt(dst, int64(size), 10)
		}
		dst = append(dst, "}}"...)
	}
	return append(dst, ']')
}
