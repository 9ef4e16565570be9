package anthropic

import (
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Request is a decoded Messages request.
type Request struct {
	dialect.Request

	model string // as the client wrote it, for the answer
	// hidesThinking says that the client gets no thinking blocks.
	hidesThinking bool
}

// Decode reads the body of a Messages request. Only the sources of files alias body. Every error is a
// *chat.Error of KindInvalid with a code and, if the body is a JSON object, with the path of the
// field at fault as its Param.
func Decode(body []byte) (*Request, error) { return decode(body, true) }

// DecodeCount reads the body of a request to count tokens, which may lack max_tokens.
func DecodeCount(body []byte) (*Request, error) { return decode(body, false) }

func decode(body []byte, isQuestion bool) (*Request, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	req := &Request{Request: dialect.Request{Request: chat.Request{N: 1, Dialect: DialectMessages}}}
	d := decoder{Builder: dialect.Builder{Request: &req.Request}, req: req}
	values := table.Split(root, &d.Unknown)
	if v := table.Get(&values, "max_tokens"); isQuestion && v.IsAbsent() {
		return nil, jsonval.Missing("the largest number of tokens of the answer", v).In("max_tokens").Public()
	}
	d.readChoiceType(table.Get(&values, "tool_choice"))
	if f := table.Read(&d, &values); f != nil {
		return nil, f.Public()
	}
	req.Messages = dialect.JoinAnswers(append(d.system, d.messages...))
	if d.system != nil && !hasQuestion(req.Messages) {
		return nil, jsonval.Invalid("expected a message of the user, but got instructions alone").In("messages").Public()
	}
	req.Unknown = d.Unknown.Names
	return req, nil
}

func hasQuestion(messages []chat.Message) bool {
	return slices.ContainsFunc(messages, func(m chat.Message) bool { return !m.Role.Instructs() })
}

// decoder fills one request.
type decoder struct {
	dialect.Builder
	req      *Request
	system   []chat.Message // at most one
	messages []chat.Message

	forcedTool string // that tool_choice names
}

// table has the parameters of the Messages API.
var table = dialect.NewTable(
	dialect.Required("model", "a string, the id of a model", (*decoder).model,
		"The model that answers. `[1m]` at its end is ignored."),
	dialect.Honours("max_tokens", (*decoder).maxTokens,
		"The most tokens of the answer, by estimate, thinking included. Every request has it, but for a count."),
	dialect.Honours("system", (*decoder).readSystem,
		"A string, or text blocks, which are joined by a blank line. A line that begins with `x-anthropic-billing-header:` is dropped."),
	dialect.Honours("tools", (*decoder).tools,
		"Functions that the model may call. Tools that Anthropic's servers run are dropped, unless a call of one is forced."),
	dialect.Required("messages", "an array of messages", (*decoder).readMessages,
		"The transcript. Thinking blocks are dropped."),
	dialect.Honours("stream", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.req.Streamed, f = v.AsBool(); return f },
		"Sends the answer as events while it is made."),
	dialect.Honours("stop_sequences", func(d *decoder, v jsonval.Value) *jsonval.Fault { return d.Stops(v, maxStops) },
		"Up to 16 strings, of 4 KiB at most; the answer ends before the first that comes."),
	dialect.Honours("temperature", func(d *decoder, v jsonval.Value) *jsonval.Fault {
		return dialect.ReadNumber(&d.req.Temperature, v, 0, 1)
	}, "0 to 1. A setting of the session."),
	dialect.Honours("tool_choice", (*decoder).toolChoice,
		"`auto`, `any`, `none`, or one tool; `disable_parallel_tool_use` allows one call at a time."),
	dialect.Honours("thinking", (*decoder).thinking,
		"`disabled`, `adaptive`, or `enabled` with `budget_tokens`: below 4096 is the effort `low`, below 16384 `medium`, else `high`."),
	dialect.Honours("output_config", (*decoder).outputConfig,
		"`effort`, and `format` with a JSON Schema."),
	dialect.Ignores("metadata", checkObject, "`user_id` tells Anthropic about the person behind a request; nothing is passed on."),
	dialect.Ignores[*decoder]("cache_control", nil, "Guides a cache of Anthropic's; it changes no answer."),
	dialect.Ignores[*decoder]("context_management", nil, "Lets Anthropic's servers shorten a transcript; nothing is ever shortened here."),
	dialect.Ignores[*decoder]("service_tier", nil, "Names a tier of Anthropic's service."),
	dialect.Ignores[*decoder]("speed", nil, "Names a tier of Anthropic's service."),
	dialect.Ignores[*decoder]("inference_geo", nil, "Names a place of Anthropic's service."),
	dialect.Ignores("top_p", checkNumber, "The platform has no such setting; `temperature` is honoured."),
	dialect.Ignores("top_k", checkNumber, "The platform has no such setting; `temperature` is honoured."),
	dialect.Ignores[*decoder]("betas", nil, "Names features of Anthropic's service."),
	dialect.Ignores[*decoder]("diagnostics", nil, "Asks Anthropic for a report beside the answer; the answer has none."),
	dialect.Ignores[*decoder]("user_profile_id", nil, "Tells Anthropic about the person behind a request; nothing is passed on."),
	dialect.Refuses("container", refuse("the platform runs no containers"), "The platform runs no containers."),
	dialect.Refuses("mcp_servers", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if v.Kind() == jsonval.Array && v.IsEmpty() {
			return nil
		}
		return jsonval.Unsupported("the platform calls no MCP servers; clients can call them and offer their tools")
	}, "The platform calls no MCP servers. An empty array is accepted."),
)

// Parameters returns all known parameters, in the order in which they are checked. Other
// keys are ignored.
func Parameters() []dialect.Parameter { return table.Parameters() }

func checkObject(_ *decoder, v jsonval.Value) *jsonval.Fault { _, f := v.AsObject(); return f }

func checkNumber(_ *decoder, v jsonval.Value) *jsonval.Fault {
	if v.Kind() != jsonval.Number {
		return jsonval.WrongType("a number", v)
	}
	return nil
}

func refuse(why string) func(*decoder, jsonval.Value) *jsonval.Fault {
	return func(*decoder, jsonval.Value) *jsonval.Fault { return jsonval.Unsupported(why) }
}

// maxStops is the number of stop sequences of a request.
const maxStops = 16

// model drops the suffix with which Claude Code asks for a longer context.
func (d *decoder) model(v jsonval.Value) *jsonval.Fault {
	model, f := v.AsString()
	if f == nil && model == "" {
		f = jsonval.WrongValue("the id of a model", v)
	}
	d.req.model = model
	d.req.Model = strings.TrimSuffix(model, "[1m]")
	return f
}

func (d *decoder) maxTokens(v jsonval.Value) *jsonval.Fault { return d.MaxTokens(v) }

// billingLine begins a line of instructions that Claude Code writes for Anthropic and not for the model. It
// may change with each request.
const billingLine = "x-anthropic-billing-header:"

// readSystem reads the instructions.
func (d *decoder) readSystem(v jsonval.Value) *jsonval.Fault {
	var texts []string
	add := func(text string) {
		if strings.HasPrefix(text, billingLine) {
			_, text, _ = strings.Cut(text, "\n")
		}
		if text != "" {
			texts = append(texts, text)
		}
	}
	switch v.Kind() {
	case jsonval.String:
		add(v.Text())
	case jsonval.Array:
		for i, e := range v.Elements() {
			text, f := d.textBlock(e, "system[].")
			if f != nil {
				return f.At(i)
			}
			add(text)
		}
	default:
		return jsonval.WrongType("a string or an array of text blocks", v)
	}
	if text := strings.Join(texts, "\n\n"); text != "" {
		d.system = []chat.Message{{Role: chat.RoleSystem, Text: text}}
	}
	return nil
}

// textBlock reads a block that must be text.
func (d *decoder) textBlock(v jsonval.Value, where string) (text string, f *jsonval.Fault) {
	f = v.ReadFields(&d.Unknown, where,
		jsonval.Field{Name: "type", Required: `"text"`, Read: func(v jsonval.Value) *jsonval.Fault {
			if v.Kind() != jsonval.String || string(v.Bytes()) != "text" {
				return jsonval.WrongValue(`"text"`, v)
			}
			return nil
		}},
		jsonval.Field{Name: "text", Required: "a string", Text: &text},
		jsonval.Field{Name: "cache_control"}, jsonval.Field{Name: "citations"})
	return text, f
}
