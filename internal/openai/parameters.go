package openai

import (
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Parameters returns all known parameters, in the order in which they are checked. Other
// keys are ignored.
func Parameters() []dialect.Parameter { return table.Parameters() }

// reader reads the value of a parameter.
type reader = func(*decoder, jsonval.Value) *jsonval.Fault

// object returns a reader that gives read the object that jsonval.Value.AsObject makes of
// the value.
func object(read reader) reader {
	return func(d *decoder, v jsonval.Value) *jsonval.Fault {
		v, f := v.AsObject()
		if f != nil {
			return f
		}
		return read(d, v)
	}
}

// table has the parameters of Chat Completions.
var table = dialect.NewTable(
	dialect.Required("model", "a string, the id of a model", (*decoder).model,
		"The model that answers."),
	dialect.Required("messages", "an array of messages", (*decoder).messages,
		"The transcript. Content is a string, or text parts, which are joined by a line break, and the parts `image_url` and `file`. An answer's reasoning parts are dropped, its tool_use parts are calls."),
	dialect.Honours("stream", (*decoder).stream,
		"Sends the answer as chunks while it is made."),
	dialect.Honours("stream_options", object((*decoder).streamOptions),
		"`include_usage` asks for a last chunk with the usage. Without `stream` it has no effect; `include_obfuscation` never has one."),
	dialect.Honours("n", (*decoder).n,
		"The number of choices, 1 to 8. Each is a question of its own to the platform."),
	dialect.Honours("temperature", (*decoder).temperature,
		"0 to 2. A setting of the session."),
	dialect.Honours("presence_penalty", (*decoder).presencePenalty,
		"-2 to 2. A setting of the session."),
	dialect.Honours("frequency_penalty", (*decoder).frequencyPenalty,
		"-2 to 2. A setting of the session."),
	dialect.Honours("max_tokens", (*decoder).maxTokens,
		"The most tokens of an answer, by estimate, reasoning included. 0 and -1 set no limit."),
	dialect.Honours("max_completion_tokens", (*decoder).maxTokens,
		"The same as `max_tokens`, and wins over it."),
	dialect.Honours("stop", (*decoder).stop,
		"A string or up to 4 of them, of 4 KiB at most; the answer ends before the first that comes. Empty strings do not count."),
	dialect.Honours("reasoning_effort", (*decoder).reasoningEffort,
		"`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. Passed on to models that take it, as the nearest level that they have."),
	dialect.Honours("web_search_options", object(func(d *decoder, _ jsonval.Value) *jsonval.Fault { d.req.WebSearch = true; return nil }),
		"The platform searches the web, if its version or one of its models can. What the object contains is ignored."),
	dialect.Honours("user", (*decoder).user,
		"Names a session of the caller's own, for each model."),
	dialect.Honours("metadata", object((*decoder).metadata),
		"`sessionId` names a session by its number. Everything else in it is ignored."),
	dialect.Honours("tools", (*decoder).tools,
		"Functions that the model may call. Custom tools are refused. An empty array is none."),
	dialect.Honours("tool_choice", (*decoder).toolChoice,
		"`none`, `auto`, `required`, one function, or `allowed_tools`."),
	dialect.Honours("parallel_tool_calls", (*decoder).parallelCalls,
		"`false` allows one call at a time."),
	dialect.Honours("functions", (*decoder).functions,
		"The older form of `tools`; the call comes as `function_call`, one at a time."),
	dialect.Honours("function_call", (*decoder).functionCall,
		"The older form of `tool_choice`: `none`, `auto` or one function."),
	dialect.Honours("response_format", object((*decoder).responseFormat),
		"`text`, `json_object` or `json_schema`. An answer that is not valid is asked for again, at most twice."),

	dialect.Ignores("top_p", func(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsNumber(0, 1); return f },
		"The platform has no such setting; `temperature` is honoured."),
	dialect.Ignores("seed", checkInteger,
		"The platform promises no repeatable answers, and neither does OpenAI."),
	dialect.Ignores("store", checkBool, "Says what OpenAI keeps. Answers are kept in the platform's session in any case."),
	dialect.Ignores("service_tier", checkString, "Names a tier of OpenAI's service."),
	dialect.Ignores("prompt_cache_key", checkString, "Guides a cache of OpenAI's; it changes no answer."),
	dialect.Ignores("prompt_cache_retention", checkString, "Guides a cache of OpenAI's; it changes no answer."),
	dialect.Ignores("prompt_cache_options", checkObject, "Guides a cache of OpenAI's; it changes no answer."),
	dialect.Ignores("safety_identifier", checkString, "Tells OpenAI about the person behind a request; nothing is passed on."),
	dialect.Ignores("moderation", checkObject, "Asks OpenAI for a report beside the answer; the answer has none."),
	dialect.Ignores("verbosity", checkString, "A hint on style that the platform has no setting for."),
	dialect.Ignores("prediction", checkObject, "Makes OpenAI's answers faster, not different."),
	dialect.Refuses("modalities", (*decoder).refuseModalities,
		"Answers are text. `[\"text\"]` is accepted."),
	dialect.Refuses("audio", object((*decoder).refuseAudio), "Answers are text, never sound."),
	dialect.Refuses("logprobs", (*decoder).refuseLogprobs,
		"The platform tells no probabilities. `false` is accepted."),
	dialect.Refuses("top_logprobs", (*decoder).refuseTopLogprobs,
		"The platform tells no probabilities. 0 is accepted."),
	dialect.Refuses("logit_bias", object((*decoder).refuseBias),
		"The platform cannot favour tokens. An empty object is accepted."),
)
