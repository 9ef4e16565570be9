package gemini

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

const (
	maxStops      = 16
	maxCandidates = 8
)

func (d *decoder) readTools(v jsonval.Value) *jsonval.Fault {
	return v.ReadElements(jsonval.List{Expected: "an array of tools"}, func(i int, e jsonval.Value) *jsonval.Fault {
		if f := e.CheckObject("an object with functionDeclarations"); f != nil {
			return f
		}
		for key := range e.Members() {
			if name := string(key); name != "functionDeclarations" && name != "function_declarations" {
				d.Unknown.Add("tools[].", key) // Google's servers run it
			}
		}
		list := member(e, "functionDeclarations", "function_declarations")
		if list.IsAbsent() {
			return nil
		}
		path := "tools[" + strconv.Itoa(i) + "].functionDeclarations"
		f := list.ReadElements(jsonval.List{Expected: "an array of functions"}, func(k int, e jsonval.Value) *jsonval.Fault {
			return d.function(e, path+"["+strconv.Itoa(k)+"].")
		})
		return f.In("functionDeclarations")
	})
}

const expectedToolName = "a name of 1 to 128 letters, digits, _, -, ., : and /"

func (d *decoder) function(v jsonval.Value, path string) *jsonval.Fault {
	if f := v.CheckObject("a function, an object"); f != nil {
		return f
	}
	field := "parameters"
	schema := v.Member(field)
	if other := member(v, "parametersJsonSchema", "parameters_json_schema"); !other.IsAbsent() {
		field, schema = "parametersJsonSchema", other
	}
	o := dialect.OfferedTool{Parameters: modernSchema(schema), Path: path + field}
	f := v.ReadFields(nil, "",
		jsonval.Field{Name: "name", Required: expectedToolName, Read: func(v jsonval.Value) (f *jsonval.Fault) {
			o.Name, f = v.AsString()
			if f == nil && !dialect.IsToolName(o.Name) {
				f = jsonval.WrongValue(expectedToolName, v)
			}
			return f
		}},
		jsonval.Field{Name: "description", Text: &o.Description})
	if f != nil {
		return f
	}
	at, f := d.AddTool(o)
	switch at {
	case dialect.FieldName:
		return f.In("name")
	case dialect.FieldParameters:
		return f.In(field)
	}
	return f
}

// olderWords are the words of Google's own form of schemas.
var olderWords = [][]byte{
	[]byte(`"OBJECT"`), []byte(`"STRING"`), []byte(`"NUMBER"`), []byte(`"INTEGER"`), []byte(`"BOOLEAN"`), []byte(`"ARRAY"`),
	[]byte(`"NULL"`), []byte(`"TYPE_UNSPECIFIED"`), []byte(`"nullable"`),
}

// modernSchema returns a JSON Schema for Google's form of one: types are in small letters, and nullable becomes a type.
// It returns other values as they are.
func modernSchema(v jsonval.Value) jsonval.Value {
	if !slices.ContainsFunc(olderWords, func(word []byte) bool { return bytes.Contains(v, word) }) {
		return v
	}
	decoder := json.NewDecoder(bytes.NewReader(v))
	decoder.UseNumber()
	var schema any
	if err := decoder.Decode(&schema); err != nil {
		return v
	}
	modernize(schema, true)
	text, err := json.Marshal(schema)
	if err != nil {
		return v
	}
	return text
}

// modernize changes a schema, or a map of schemas, in place.
func modernize(value any, isSchema bool) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			modernize(e, true)
		}
	case map[string]any:
		for key, e := range v {
			switch {
			case !isSchema:
				modernize(e, true)
			case key == "properties", key == "$defs", key == "definitions", key == "patternProperties":
				modernize(e, false)
			case key != "enum", key != "default", key != "const", key != "example":
				modernize(e, true)
			}
		}
		if isSchema {
			modernizeType(v)
		}
	}
}

func modernizeType(schema map[string]any) {
	kind, isText := schema["type"].(string)
	nullable := schema["nullable"] == true
	delete(schema, "nullable")
	if !isText {
		return
	}
	kind = strings.ToLower(kind)
	switch {
	case kind == "type_unspecified":
		delete(schema, "type")
	case nullable && kind != "null":
		schema["type"] = []any{kind, "null"}
	default:
		schema["type"] = kind
	}
}

func (d *decoder) toolConfig(v jsonval.Value) *jsonval.Fault {
	if f := v.CheckObject("an object"); f != nil {
		return f
	}
	config := member(v, "functionCallingConfig", "function_calling_config")
	if config.IsAbsent() {
		return nil
	}
	if f := config.CheckObject("an object with a mode"); f != nil {
		return f.In("functionCallingConfig")
	}
	return d.callingConfig(config).In("functionCallingConfig")
}

func (d *decoder) callingConfig(v jsonval.Value) *jsonval.Fault {
	mode, allowed := v.Member("mode"), member(v, "allowedFunctionNames", "allowed_function_names")
	text := "AUTO"
	if !mode.IsAbsent() {
		var f *jsonval.Fault
		if text, f = mode.AsString(); f != nil {
			return f.In("mode")
		}
	}
	choice := chat.ToolsAuto
	switch strings.ToUpper(text) {
	case "ANY":
		choice = chat.ToolsRequired
		if len(d.req.Tools) == 0 {
			return jsonval.Invalid("a function must be called, but there are no functions").In("mode")
		}
	case "NONE":
		choice = chat.ToolsNone
	case "AUTO", "VALIDATED", "MODE_UNSPECIFIED":
	default:
		return jsonval.WrongValue("one of AUTO, ANY, NONE, VALIDATED", mode).In("mode")
	}
	d.req.ToolChoice = chat.ToolChoice{Mode: choice}
	if allowed.IsAbsent() || choice == chat.ToolsNone {
		return nil
	}
	f := allowed.ReadElements(jsonval.List{Expected: "an array of names"}, func(_ int, e jsonval.Value) *jsonval.Fault {
		name, f := e.AsString()
		if f == nil && !d.Allow(choice, name) {
			f = jsonval.WrongValue("the name of a function of this request", e)
		}
		return f
	})
	return f.In("allowedFunctionNames")
}

func (d *decoder) generationConfig(v jsonval.Value) *jsonval.Fault {
	if f := v.CheckObject("an object"); f != nil {
		return f
	}
	for _, field := range []struct {
		camel, snake string
		read         func(jsonval.Value) *jsonval.Fault
	}{
		{"temperature", "temperature", func(v jsonval.Value) *jsonval.Fault { return dialect.ReadNumber(&d.req.Temperature, v, 0, 2) }},
		{"presencePenalty", "presence_penalty", func(v jsonval.Value) *jsonval.Fault { return dialect.ReadNumber(&d.req.PresencePenalty, v, -2, 2) }},
		{"frequencyPenalty", "frequency_penalty", func(v jsonval.Value) *jsonval.Fault { return dialect.ReadNumber(&d.req.FrequencyPenalty, v, -2, 2) }},
		{"maxOutputTokens", "max_output_tokens", d.MaxTokens},
		{"stopSequences", "stop_sequences", func(v jsonval.Value) *jsonval.Fault { return d.Stops(v, maxStops) }},
		{"candidateCount", "candidate_count", d.candidates},
		{"thinkingConfig", "thinking_config", d.thinking},
		{"responseModalities", "response_modalities", d.modalities},
		{"responseLogprobs", "response_logprobs", d.logprobs},
		{"speechConfig", "speech_config", func(jsonval.Value) *jsonval.Fault { return jsonval.Unsupported("answers are text, never sound") }},
	} {
		if value := member(v, field.camel, field.snake); !value.IsAbsent() {
			if f := field.read(value); f != nil {
				return f.In(field.camel)
			}
		}
	}
	return d.format(v)
}

func (d *decoder) candidates(v jsonval.Value) (f *jsonval.Fault) {
	d.req.N, f = v.AsInt(1, maxCandidates)
	return f
}

// modalities accepts text and pictures. Pictures come as links in the text, and for a client that asks for them also
// as their bytes.
func (d *decoder) modalities(v jsonval.Value) *jsonval.Fault {
	return v.ReadElements(jsonval.List{Expected: "an array of modalities"}, func(_ int, e jsonval.Value) *jsonval.Fault {
		name, f := e.AsString()
		if f == nil && !strings.EqualFold(name, "TEXT") && !strings.EqualFold(name, "IMAGE") {
			f = jsonval.Unsupported("answers are text and pictures, never sound")
		}
		d.req.wantsPictures = d.req.wantsPictures || strings.EqualFold(name, "IMAGE")
		return f
	})
}

func (d *decoder) logprobs(v jsonval.Value) *jsonval.Fault {
	if isTrue, f := v.AsBool(); f != nil || !isTrue {
		return f
	}
	return jsonval.Unsupported("the platform tells no probabilities")
}

func (d *decoder) thinking(v jsonval.Value) *jsonval.Fault {
	if f := v.CheckObject("an object"); f != nil {
		return f
	}
	if include := member(v, "includeThoughts", "include_thoughts"); string(include) == "false" {
		d.req.hidesThoughts = true
	}
	if budget := member(v, "thinkingBudget", "thinking_budget"); !budget.IsAbsent() {
		tokens, f := budget.AsInt(-1, 1<<30)
		if f != nil {
			return f.In("thinkingBudget")
		}
		if tokens >= 0 {
			d.req.ReasoningEffort = dialect.EffortOfBudget(tokens)
		}
	}
	level := member(v, "thinkingLevel", "thinking_level")
	if level.IsAbsent() {
		return nil
	}
	text, f := level.AsString()
	if f != nil {
		return f.In("thinkingLevel")
	}
	switch text = strings.ToLower(text); text {
	case "minimal", "low", "medium", "high":
		d.req.ReasoningEffort = text
	case "thinking_level_unspecified":
	default:
		return jsonval.WrongValue("one of MINIMAL, LOW, MEDIUM, HIGH", level).In("thinkingLevel")
	}
	return nil
}

// format reads what the text of the answer must be.
func (d *decoder) format(v jsonval.Value) *jsonval.Fault {
	mimeType := member(v, "responseMimeType", "response_mime_type")
	if mimeType.IsAbsent() {
		return nil
	}
	text, f := mimeType.AsString()
	if f != nil {
		return f.In("responseMimeType")
	}
	switch text {
	case "", "text/plain":
		return nil
	case "application/json":
	default:
		return jsonval.Unsupported("answers are text/plain or application/json").In("responseMimeType")
	}
	d.req.Format = chat.Format{Kind: chat.FormatObject}
	for _, name := range []string{"responseJsonSchema", "_responseJsonSchema", "response_json_schema", "responseSchema", "response_schema"} {
		schema := v.Member(name)
		if schema.IsAbsent() {
			continue
		}
		if f := d.CheckSchema(schema, false); f != nil {
			return f.In(name)
		}
		d.req.Format = chat.Format{
			Kind: chat.FormatSchema, Name: "output", Schema: slices.Clone(modernSchema(schema)), Path: "generationConfig." + name,
		}
		return nil
	}
	return nil
}
