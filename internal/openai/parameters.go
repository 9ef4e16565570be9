package openai

import "achuan/internal/jsonval"

// Use says what the server does with a parameter.
type Use string

// The uses.
const (
	Honoured Use = "honoured" // the answer follows it
	Ignored  Use = "ignored"  // accepted and without effect
	Refused  Use = "refused"  // an error, because the answer cannot follow it
)

// Parameter is one known key of a Chat Completions request.
type Parameter struct {
	Name     string
	Use      Use
	Required bool
	// Why is a sentence for people: what the parameter does, or why it does nothing. For
	// refused parameters it names the harmless values, which are accepted.
	Why string
}

// Parameters returns all known parameters, in the order in which they are checked. Other
// keys are ignored.
func Parameters() []Parameter {
	list := make([]Parameter, len(table))
	for i := range table {
		list[i] = table[i].Parameter
	}
	return list
}

// row is a parameter and its reader. The reader gets values that are present and not null.
type row struct {
	Parameter
	expected string // describes a required parameter, for messages
	read     reader
}

// reader reads the value of a parameter.
type reader func(*decoder, jsonval.Value) *jsonval.Fault

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

// rows has the index in table of each parameter.
var rows = func() map[string]int {
	m := make(map[string]int, len(table))
	for i := range table {
		m[table[i].Name] = i
	}
	return m
}()

// table is the one place where a parameter is made known. Of two parameters that
// set the same thing the later row wins.
var table = [...]row{
	required("model", "a string, the id of a model", (*decoder).model,
		"The model that answers."),
	required("messages", "an array of messages", (*decoder).messages,
		"The transcript. Content is a string, or text parts, which are joined by a line break, and the parts `image_url` and `file`. An answer's reasoning parts are dropped, its tool_use parts are calls."),
	honoured("stream", (*decoder).stream,
		"Sends the answer as chunks while it is made."),
	honoured("stream_options", object((*decoder).streamOptions),
		"`include_usage` asks for a last chunk with the usage. Without `stream` it has no effect; `include_obfuscation` never has one."),
	honoured("n", (*decoder).n,
		"The number of choices, 1 to 8. Each is a question of its own to the platform."),
	honoured("temperature", (*decoder).temperature,
		"0 to 2. A setting of the session."),
	honoured("presence_penalty", (*decoder).presencePenalty,
		"-2 to 2. A setting of the session."),
	honoured("frequency_penalty", (*decoder).frequencyPenalty,
		"-2 to 2. A setting of the session."),
	honoured("max_tokens", (*decoder).maxTokens,
		"The most tokens of an answer, by estimate, reasoning included. 0 and -1 set no limit."),
	honoured("max_completion_tokens", (*decoder).maxTokens,
		"The same as `max_tokens`, and wins over it."),
	honoured("stop", (*decoder).stop,
		"A string or up to 4 of them, of 4 KiB at most; the answer ends before the first that comes. Empty strings do not count."),
	honoured("reasoning_effort", (*decoder).reasoningEffort,
		"`none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`. Passed on to models that take it, as the nearest level that they have."),
	honoured("web_search_options", object(func(d *decoder, _ jsonval.Value) *jsonval.Fault { d.req.WebSearch = true; return nil }),
		"The platform searches the web, if its version or one of its models can. What the object contains is ignored."),
	honoured("user", (*decoder).user,
		"Names a session of the caller's own, for each model."),
	honoured("metadata", object((*decoder).metadata),
		"`sessionId` names a session by its number. Everything else in it is ignored."),
	honoured("tools", (*decoder).tools,
		"Functions that the model may call. Custom tools are refused. An empty array is none."),
	honoured("tool_choice", (*decoder).toolChoice,
		"`none`, `auto`, `required`, one function, or `allowed_tools`."),
	honoured("parallel_tool_calls", (*decoder).parallelCalls,
		"`false` allows one call at a time."),
	honoured("functions", (*decoder).functions,
		"The older form of `tools`; the call comes as `function_call`, one at a time."),
	honoured("function_call", (*decoder).functionCall,
		"The older form of `tool_choice`: `none`, `auto` or one function."),
	honoured("response_format", object((*decoder).responseFormat),
		"`text`, `json_object` or `json_schema`. An answer that is not valid is asked for again, twice at the most."),

	ignored("top_p", func(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsNumber(0, 1); return f },
		"The platform has no such setting; `temperature` is honoured."),
	ignored("seed", checkInteger,
		"The platform promises no repeatable answers, and neither does OpenAI."),
	ignored("store", checkBool, "Says what OpenAI keeps. Answers are kept in the platform's session in any case."),
	ignored("service_tier", checkString, "Names a tier of OpenAI's service."),
	ignored("prompt_cache_key", checkString, "Guides a cache of OpenAI's; it changes no answer."),
	ignored("prompt_cache_retention", checkString, "Guides a cache of OpenAI's; it changes no answer."),
	ignored("prompt_cache_options", checkObject, "Guides a cache of OpenAI's; it changes no answer."),
	ignored("safety_identifier", checkString, "Tells OpenAI about the person behind a request; nothing is passed on."),
	ignored("moderation", checkObject, "Asks OpenAI for a report beside the answer; the answer has none."),
	ignored("verbosity", checkString, "A hint on style that the platform has no setting for."),
	ignored("prediction", checkObject, "Makes OpenAI's answers faster, not different."),
	refused("modalities", (*decoder).refuseModalities,
		"Answers are text. `[\"text\"]` is accepted."),
	refused("audio", object((*decoder).refuseAudio), "Answers are text, never sound."),
	refused("logprobs", (*decoder).refuseLogprobs,
		"The platform tells no probabilities. `false` is accepted."),
	refused("top_logprobs", (*decoder).refuseTopLogprobs,
		"The platform tells no probabilities. 0 is accepted."),
	refused("logit_bias", object((*decoder).refuseBias),
		"The platform cannot favour tokens. An empty object is accepted."),
}

func required(name, expected string, read reader, why string) row {
	return row{Parameter{name, Honoured, true, why}, expected, read}
}

func honoured(name string, read reader, why string) row {
	return row{Parameter{name, Honoured, false, why}, "", read}
}

func ignored(name string, read reader, why string) row {
	return row{Parameter{name, Ignored, false, why}, "", read}
}

func refused(name string, read reader, why string) row {
	return row{Parameter{name, Refused, false, why}, "", read}
}
