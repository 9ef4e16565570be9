package ollama

import (
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Request is a decoded request to chat or to generate.
type Request struct {
	dialect.Request

	// IsLoad says that the request has no question: it only loads or unloads the model.
	IsLoad bool

	model         string // as the client wrote it
	generates     bool
	unloads       bool
	hidesThinking bool
}

// latest is the tag that Ollama adds to names without one.
const latest = ":latest"

// DecodeChat reads the body of a request to chat. Only the sources of files alias body. Every error is a
// *chat.Error of KindInvalid with a code and, if the body is a JSON object, with the path of the
// field at fault as its Param.
func DecodeChat(body []byte) (*Request, error) { return decode(body, chatTable, false) }

// DecodeGenerate reads the body of a request to generate, as DecodeChat does.
func DecodeGenerate(body []byte) (*Request, error) { return decode(body, generateTable, true) }

func decode(body []byte, table *dialect.Table[*decoder], generates bool) (*Request, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	req := &Request{Request: dialect.Request{Request: chat.Request{
		N: 1, Dialect: DialectOllama, Streamed: true, CallsWithoutIDs: true,
	}}, generates: generates}
	d := decoder{Builder: dialect.Builder{Request: &req.Request}, req: req}
	values := table.Split(root, &d.Unknown)
	if f := table.Read(&d, &values); f != nil {
		return nil, f.Public()
	}
	if generates {
		d.generate()
	}
	req.Messages = dialect.JoinAnswers(d.messages)
	req.IsLoad = len(req.Messages) == 0
	if !req.IsLoad && !slices.ContainsFunc(req.Messages, func(m chat.Message) bool { return !m.Role.Instructs() }) {
		return nil, jsonval.Invalid("expected a message of the user, but got instructions alone").In("messages").Public()
	}
	req.Unknown = d.Unknown.Names
	return req, nil
}

// decoder fills one request.
type decoder struct {
	dialect.Builder
	req      *Request
	messages []chat.Message
	open     []string // names of the calls of the last answer that have no result yet
	pending  []chat.Message

	prompt, system string // of a request to generate
	images         []chat.File
}

type row = dialect.Row[*decoder]

// shared are the parameters of both requests.
var shared = []row{
	dialect.Required("model", "a string, the name of a model", (*decoder).model,
		"The model that answers. `:latest` at its end is ignored."),
	dialect.Honours("stream", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.req.Streamed, f = v.AsBool(); return f },
		"`true` by default: sends the answer as lines while it is made."),
	dialect.Honours("format", (*decoder).format,
		"`json`, or a JSON Schema."),
	dialect.Honours("think", (*decoder).think,
		"`false`, `true`, `low`, `medium` or `high`."),
	dialect.Honours("options", (*decoder).options,
		"`temperature`, `num_predict`, `stop`, `presence_penalty` and `frequency_penalty`. The rest is ignored."),
	dialect.Honours("keep_alive", (*decoder).keepAlive,
		"Without effect: no model is loaded here."),
	dialect.Refuses("logprobs", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if isTrue, f := v.AsBool(); f != nil || !isTrue {
			return f
		}
		return jsonval.Unsupported("the platform tells no probabilities")
	}, "The platform tells no probabilities. `false` is accepted."),
}

var chatTable = dialect.NewTable(append(slices.Clone(shared),
	dialect.Honours("tools", (*decoder).tools, "Functions that the model may call."),
	dialect.Honours("messages", (*decoder).readMessages, "The transcript. Without messages nothing is asked."),
)...)

var generateTable = dialect.NewTable(append(slices.Clone(shared),
	dialect.Honours("prompt", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.prompt, f = v.AsString(); return f },
		"The question. Without it nothing is asked."),
	dialect.Honours("system", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) { d.system, f = v.AsString(); return f },
		"Instructions in front of the question."),
	dialect.Honours("images", func(d *decoder, v jsonval.Value) (f *jsonval.Fault) {
		d.images, f = d.readImages(v, "images")
		return f
	}, "Pictures in base64."),
	refuses("suffix", "the platform cannot fill in the middle of a text"),
	refuses("template", "the platform has templates of its own"),
	dialect.Refuses("raw", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if isTrue, f := v.AsBool(); f != nil || !isTrue {
			return f
		}
		return jsonval.Unsupported("the platform has templates of its own")
	}, "The platform has templates of its own. `false` is accepted."),
	dialect.Refuses("context", func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if v.Kind() == jsonval.Array && v.IsEmpty() {
			return nil
		}
		return jsonval.Unsupported("a context cannot be continued; use /api/chat with the messages")
	}, "A context cannot be continued; use `/api/chat`. An empty array is accepted."),
)...)

// refuses returns the row of a parameter of which only the empty text is accepted.
func refuses(name, why string) row {
	return dialect.Refuses(name, func(_ *decoder, v jsonval.Value) *jsonval.Fault {
		if v.Kind() == jsonval.String && v.Text() == "" {
			return nil
		}
		return jsonval.Unsupported(why)
	}, strings.ToUpper(why[:1])+why[1:]+". An empty text is accepted.")
}

// Parameters returns all known parameters of a request to chat, or to generate. Other keys are ignored.
func Parameters(generates bool) []dialect.Parameter {
	if generates {
		return generateTable.Parameters()
	}
	return chatTable.Parameters()
}

func (d *decoder) model(v jsonval.Value) *jsonval.Fault {
	model, f := v.AsString()
	if f == nil && model == "" {
		f = jsonval.WrongValue("the name of a model", v)
	}
	d.req.model, d.req.Model = model, CutTag(model)
	return f
}

// CutTag returns the name of a model without the tag that Ollama's clients add.
func CutTag(model string) string { return strings.TrimSuffix(model, latest) }

func (d *decoder) keepAlive(v jsonval.Value) *jsonval.Fault {
	text := strings.Trim(string(v), `"`)
	d.req.unloads = text == "0" || text == "0s" || text == "0m"
	return nil
}

// format reads what the text of the answer must be.
func (d *decoder) format(v jsonval.Value) *jsonval.Fault {
	if v.Kind() == jsonval.String {
		switch v.Text() {
		case "":
		case "json":
			d.req.Format = chat.Format{Kind: chat.FormatObject}
		default:
			return jsonval.WrongValue("json or a JSON Schema", v)
		}
		return nil
	}
	if f := d.CheckSchema(v, false); f != nil {
		return f
	}
	d.req.Format = chat.Format{Kind: chat.FormatSchema, Name: "output", Schema: slices.Clone(v), Path: "format"}
	return nil
}

func (d *decoder) think(v jsonval.Value) *jsonval.Fault {
	if v.Kind() == jsonval.String {
		switch effort := v.Text(); effort {
		case "low", "medium", "high":
			d.req.ReasoningEffort = effort
			return nil
		}
		return jsonval.WrongValue("true, false, low, medium or high", v)
	}
	thinks, f := v.AsBool()
	if f == nil && !thinks {
		d.req.ReasoningEffort, d.req.hidesThinking = "none", true
	}
	return f
}

func (d *decoder) options(v jsonval.Value) *jsonval.Fault {
	if f := v.CheckObject("an object"); f != nil {
		return f
	}
	for key, value := range v.Members() {
		if value.IsAbsent() {
			continue
		}
		var f *jsonval.Fault
		switch string(key) {
		case "temperature":
			f = dialect.ReadNumber(&d.req.Temperature, value, 0, 2)
		case "presence_penalty":
			f = dialect.ReadNumber(&d.req.PresencePenalty, value, -2, 2)
		case "frequency_penalty":
			f = dialect.ReadNumber(&d.req.FrequencyPenalty, value, -2, 2)
		case "num_predict":
			if text := string(value); text != "-1" && text != "-2" {
				f = d.MaxTokens(value)
			}
		case "stop":
			if value.Kind() == jsonval.String {
				f = d.AddStop(value)
			} else {
				f = d.Stops(value, maxStops)
			}
		}
		if f != nil {
			return f.In(string(key))
		}
	}
	return nil
}

const maxStops = 16

// generate makes messages of a request to generate.
func (d *decoder) generate() {
	if d.prompt == "" && len(d.images) == 0 {
		return
	}
	if d.system != "" {
		d.messages = append(d.messages, chat.Message{Role: chat.RoleSystem, Text: d.system})
	}
	for i := range d.images {
		d.images[i].Offset = len(d.prompt)
	}
	d.messages = append(d.messages, chat.Message{Role: chat.RoleUser, Text: d.prompt, Files: d.images})
}

// readImages reads pictures in base64, which may be data URLs. path is that of the list.
func (d *decoder) readImages(v jsonval.Value, path string) (files []chat.File, f *jsonval.Fault) {
	list := jsonval.List{Expected: "an array of pictures in base64", Max: dialect.MaxFiles, Elements: "pictures"}
	f = v.ReadElements(list, func(i int, e jsonval.Value) *jsonval.Fault {
		if e.Kind() != jsonval.String {
			return jsonval.WrongType("a string of base64", e)
		}
		s := &chat.FileSource{Base64: e.Bytes()}
		if strings.HasPrefix(string(chat.Truncate(e.Bytes(), len("data:"))), "data:") {
			var f *jsonval.Fault
			if s, f = dialect.URLSource(e.Bytes()); f != nil {
				return f
			}
		}
		s.Name, s.IsPicture, s.Path = "image", true, path+"["+strconv.Itoa(i)+"]"
		files = append(files, chat.File{Source: s})
		return nil
	})
	d.req.HasFiles = d.req.HasFiles || len(files) > 0
	return files, f
}
