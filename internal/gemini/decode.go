package gemini

import (
	"slices"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// Request is a decoded request of the Gemini API. Its model and whether it is streamed come from the path.
type Request struct {
	dialect.Request

	isArray       bool // streamed as a JSON array
	hidesThoughts bool
	wantsPictures bool // the client gets the bytes of pictures
}

// Decode reads the body of a request to generate or to count. Only the sources of files alias body. Every error is a
// *chat.Error of KindInvalid with a code and, if the body is a JSON object, with the path of the
// field at fault as its Param.
func Decode(body []byte) (*Request, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	req := &Request{Request: dialect.Request{Request: chat.Request{N: 1, Dialect: DialectGemini}}}
	d := decoder{Builder: dialect.Builder{Request: &req.Request}, req: req}
	if inner := root.Member("generateContentRequest"); inner.Kind() == jsonval.Object {
		root = inner // of a request to count
	}
	values := table.Split(root, &d.Unknown)
	if f := table.Read(&d, &values); f != nil {
		return nil, f.Public()
	}
	if !slices.ContainsFunc(d.messages, func(m chat.Message) bool { return !m.Role.Instructs() }) {
		return nil, jsonval.Invalid("expected at least one content, but got none").In("contents").Public()
	}
	req.Messages = append(d.system, dialect.JoinAnswers(d.messages)...)
	req.Unknown = d.Unknown.Names
	return req, nil
}

// decoder fills one request.
type decoder struct {
	dialect.Builder
	req      *Request
	system   []chat.Message // at most one
	messages []chat.Message
	open     []chat.ToolCall // of the last answer, without a result so far
	calls    int             // in all
}

type reader = func(*decoder, jsonval.Value) *jsonval.Fault

// both returns the rows of a parameter in camel case and in snake case.
func both(row func(name string) dialect.Row[*decoder], camel, snake string) []dialect.Row[*decoder] {
	return []dialect.Row[*decoder]{row(camel), row(snake)}
}

// table has the parameters of the Gemini API.
var table = dialect.NewTable(slices.Concat(
	both(honours((*decoder).systemInstruction, "Instructions in front of the contents."), "systemInstruction", "system_instruction"),
	[]dialect.Row[*decoder]{dialect.Honours("tools", (*decoder).readTools,
		"`functionDeclarations`. Tools that Google's servers run are dropped.")},
	[]dialect.Row[*decoder]{dialect.Required("contents", "an array of contents", (*decoder).contents,
		"The transcript. Thoughts and their signatures are dropped.")},
	both(honours((*decoder).toolConfig, "`functionCallingConfig`: the modes AUTO, ANY, NONE and VALIDATED, and `allowedFunctionNames`."), "toolConfig", "tool_config"),
	both(honours((*decoder).generationConfig, "`temperature`, `maxOutputTokens`, `stopSequences`, `presencePenalty`, `frequencyPenalty`, `candidateCount`, "+
		"`responseMimeType` with a schema, and `thinkingConfig`. `topP`, `topK`, `seed` and `mediaResolution` are ignored."), "generationConfig", "generation_config"),
	both(ignores("Guides filters of Google's; the platform has its own."), "safetySettings", "safety_settings"),
	both(ignores("Names a tier of Google's service."), "serviceTier", "service_tier"),
	[]dialect.Row[*decoder]{
		dialect.Ignores[*decoder]("labels", nil, "Labels of the client."),
		dialect.Ignores[*decoder]("store", nil, "Says what Google keeps."),
		dialect.Ignores[*decoder]("model", nil, "The model is in the path."),
	},
	both(func(name string) dialect.Row[*decoder] {
		return dialect.Refuses(name, func(_ *decoder, v jsonval.Value) *jsonval.Fault {
			if v.Kind() == jsonval.String && v.Text() == "" {
				return nil
			}
			return jsonval.Unsupported("contents are cached at Google only")
		}, "Contents are cached at Google only. An empty text is accepted.")
	}, "cachedContent", "cached_content"),
)...)

func honours(read reader, why string) func(name string) dialect.Row[*decoder] {
	return func(name string) dialect.Row[*decoder] { return dialect.Honours(name, read, why) }
}

func ignores(why string) func(name string) dialect.Row[*decoder] {
	return func(name string) dialect.Row[*decoder] { return dialect.Ignores[*decoder](name, nil, why) }
}

// Parameters returns all known parameters, in the order in which they are checked. Other
// keys are ignored.
func Parameters() []dialect.Parameter { return table.Parameters() }

// member returns the member of an object, in camel case or in snake case.
func member(v jsonval.Value, camel, snake string) jsonval.Value {
	if found := v.Member(camel); !found.IsAbsent() {
		return found
	}
	return v.Member(snake)
}
