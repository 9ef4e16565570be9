package responses

import (
	"bytes"
	"encoding/json"
	"slices"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Request is a decoded request of the Responses API.
type Request struct {
	dialect.Request

	// PreviousID is the ID of the stored response that the request continues, or "".
	PreviousID string
	// ConversationID is the ID of the stored conversation that the request continues, or "".
	ConversationID string

	conversationEnd string // the ID of the last entry of the conversation, from Resolve
	isCodex         bool
	references      []reference
	instructions    int                 // number of messages in front of the items
	own             []chat.Message      // what the request adds to the transcript, from the time of store
	tools           map[string]toolKind // by the model's name: of tools that are no plain functions
	echo            echo
}

// toolKind says how a call of a tool goes out.
type toolKind struct {
	namespace string // "" for none
	name      string // the client's, without the namespace
	isCustom  bool   // the argument is a text
}

// echo is what a response repeats of its request, as JSON; nil for what the request lacks.
type echo struct {
	instructions, metadata, reasoning, text, toolChoice, tools, user jsonval.Value
	isStored                                                         bool
}

// Decode reads the body of a request. Only the sources of files alias body. Every error is a *chat.Error
// of KindInvalid with a code and, if the body is a JSON object, with the path of the field at fault
// as its Param.
func Decode(body []byte) (*Request, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	req := &Request{Request: dialect.Request{Request: chat.Request{N: 1, Dialect: DialectResponses}}}
	req.echo.isStored = true
	d := decoder{Builder: dialect.Builder{Request: &req.Request}, req: req}
	values := table.Split(root, &d.Unknown)
	choice := table.Get(&values, "tool_choice")
	d.ForbidsCalls = choice.Kind() == jsonval.String && string(choice.Bytes()) == "none"
	if f := table.Read(&d, &values); f != nil {
		return nil, f.Public()
	}
	isQuestion := func(m chat.Message) bool { return !m.Role.Instructs() }
	if !slices.ContainsFunc(d.messages, isQuestion) && req.PreviousID == "" && req.ConversationID == "" {
		return nil, jsonval.Invalid("expected a message of the user, but got instructions alone").In("input").Public()
	}
	if req.PreviousID != "" && req.ConversationID != "" {
		return nil, jsonval.Invalid("it cannot be used together with previous_response_id").In("conversation").Public()
	}
	req.instructions = len(d.system)
	req.Messages = append(d.system, d.messages...)
	if !req.NeedsStore() {
		req.joinAnswers()
	}
	req.Unknown = d.Unknown.Names
	for i, name := range []string{"metadata", "reasoning", "text", "tool_choice", "tools", "user"} {
		if v := table.Get(&values, name); !v.IsAbsent() {
			*req.echo.fields()[i] = compact(v)
		}
	}
	return req, nil
}

// compact returns a copy of v without line breaks, which would end a line of an event stream.
func compact(v jsonval.Value) jsonval.Value {
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil { // v is valid JSON
		return nil
	}
	return b.Bytes()
}

func (e *echo) fields() []*jsonval.Value {
	return []*jsonval.Value{&e.metadata, &e.reasoning, &e.text, &e.toolChoice, &e.tools, &e.user}
}

// decoder fills one request.
type decoder struct {
	dialect.Builder
	req      *Request
	system   []chat.Message // of instructions; at most one
	messages []chat.Message
	dropped  []string // types of tools that do not exist here
}

type reader = func(*decoder, jsonval.Value) *jsonval.Fault

// table has the parameters of the Responses API.
var table = dialect.NewTable(
	dialect.Required("model", "a string, the id of a model", (*decoder).model,
		"The model that answers."),
	dialect.Honours("stream", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.req.Streamed, f = v.AsBool(); return f },
		"Sends the answer as events while it is made."),
	dialect.Honours("instructions", (*decoder).instructions,
		"A system message in front of the input."),
	dialect.Honours("tools", (*decoder).readTools,
		"Functions, custom tools and namespaces of them. Tools that OpenAI's servers run are dropped, unless a call of one is forced."),
	dialect.Required("input", "a string or an array of items", (*decoder).input,
		"A question, or the items of a transcript. Reasoning is dropped."),
	dialect.Honours("temperature", func(d *decoder, v jsonval.Value) *jsonval.Fault {
		return dialect.ReadNumber(&d.req.Temperature, v, 0, 2)
	}, "0 to 2. A setting of the session."),
	dialect.Honours("max_output_tokens", func(d *decoder, v jsonval.Value) *jsonval.Fault { return d.MaxTokens(v) },
		"The most tokens of the answer, by estimate, reasoning included."),
	dialect.Honours("text", object((*decoder).text),
		"`format`: `text`, `json_object` or `json_schema`. `verbosity` is ignored."),
	dialect.Honours("reasoning", object((*decoder).reasoning),
		"`effort`, as `reasoning_effort` of Chat Completions. The rest of it is ignored."),
	dialect.Honours("tool_choice", (*decoder).toolChoice,
		"`none`, `auto`, `required`, one function or custom tool, or `allowed_tools`."),
	dialect.Honours("parallel_tool_calls", func(d *decoder, v jsonval.Value) *jsonval.Fault {
		parallel, f := v.AsBool()
		d.req.ParallelCalls = &parallel
		return f
	}, "`false` allows one call at a time."),
	dialect.Honours("user", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.req.SessionName, f = v.AsString(); return f },
		"Names a session of the caller's own, for each model."),
	dialect.Honours("metadata", object((*decoder).metadata),
		"`sessionId` names a session by its number. Everything else in it is ignored."),
	dialect.Honours("store", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.req.echo.isStored, f = v.AsBool(); return f },
		"`true` by default: the response is stored as long as sessions are, and can be referred to."),
	dialect.Ignores[*decoder]("include", nil, "Asks for more about reasoning and about OpenAI's tools, which answers do not have."),
	dialect.Ignores("top_p", func(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsNumber(0, 1); return f },
		"The platform has no such setting; `temperature` is honoured."),
	dialect.Ignores[*decoder]("prompt_cache_key", nil, "Guides a cache of OpenAI's; it changes no answer."),
	dialect.Ignores[*decoder]("prompt_cache_retention", nil, "Guides a cache of OpenAI's; it changes no answer."),
	dialect.Ignores[*decoder]("prompt_cache_options", nil, "Guides a cache of OpenAI's; it changes no answer."),
	dialect.Ignores[*decoder]("safety_identifier", nil, "Tells OpenAI about the person behind a request; nothing is passed on."),
	dialect.Ignores[*decoder]("service_tier", nil, "Names a tier of OpenAI's service."),
	dialect.Ignores[*decoder]("stream_options", nil, "Guides how OpenAI hides the size of events."),
	dialect.Ignores[*decoder]("client_metadata", nil, "Tells OpenAI about the client."),
	dialect.Ignores[*decoder]("context_management", nil, "Lets OpenAI's servers shorten a transcript; nothing is ever shortened here."),
	dialect.Ignores[*decoder]("moderation", nil, "Asks OpenAI for a report beside the answer; the answer has none."),
	dialect.Ignores[*decoder]("max_tool_calls", nil, "Limits the calls of tools that OpenAI's servers run."),
	dialect.Honours("previous_response_id", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.req.PreviousID, f = v.AsString(); return f },
		"Continues a stored response. Its instructions are not inherited."),
	dialect.Honours("conversation", (*decoder).conversation,
		"Continues a conversation of `/v1/conversations`, by its id. The response is stored in it, whatever `store` says."),
	dialect.Refuses("truncation", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if v.Kind() == jsonval.String && string(v.Bytes()) == "disabled" {
			return nil
		}
		return jsonval.Unsupported("nothing is ever truncated here")
	}, "Nothing is ever truncated. `disabled` is accepted."),
	dialect.Refuses("background", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if isTrue, f := v.AsBool(); f != nil || !isTrue {
			return f
		}
		return jsonval.Unsupported("answers are not made in the background")
	}, "Answers are not made in the background. `false` is accepted."),
	dialect.Refuses("prompt", refuse("prompts are stored at OpenAI only"), "Prompts are stored at OpenAI only."),
	dialect.Refuses("top_logprobs", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if string(v) == "0" {
			return nil
		}
		return jsonval.Unsupported("the platform tells no probabilities")
	}, "The platform tells no probabilities. 0 is accepted."),
)

// Parameters returns all known parameters, in the order in which they are checked. Other
// keys are ignored.
func Parameters() []dialect.Parameter { return table.Parameters() }

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

func refuse(why string) reader {
	return func(*decoder, jsonval.Value) *jsonval.Fault { return jsonval.Unsupported(why) }
}
