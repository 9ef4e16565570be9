package demo

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"achuan/internal/lazyregexp"
)

// schema is the part of a JSON Schema that valueFiller understands.
type schema struct {
	Type        any               `json:"type"`
	Format      string            `json:"format"`
	Properties  map[string]schema `json:"properties"`
	Required    []string          `json:"required"`
	Items       *schema           `json:"items"`
	Enum        []json.RawMessage `json:"enum"`
	Const       json.RawMessage   `json:"const"`
	Minimum     *float64          `json:"minimum"`
	Maximum     *float64          `json:"maximum"`
	MinItems    int               `json:"minItems"`
	AnyOf       []schema          `json:"anyOf"`
	OneOf       []schema          `json:"oneOf"`
	AllOf       []schema          `json:"allOf"`
	Ref         string            `json:"$ref"`
	Defs        map[string]schema `json:"$defs"`
	Definitions map[string]schema `json:"definitions"`
}

// UnmarshalJSON accepts every value. It ignores what does not fit, such as the schemas true and false.
func (s *schema) UnmarshalJSON(text []byte) error {
	type plain schema
	var p plain
	_ = json.Unmarshal(text, &p) // it decodes the fields that fit
	*s = schema(p)
	return nil
}

// valueFiller makes values that fit a schema. It takes them from the request: quoted texts, numbers and names,
// each used once.
type valueFiller struct {
	request     string
	usedTexts   int // quoted texts and names used so far
	usedNumbers int // numbers used so far
	depth       int
	valueCount  int // values made so far
}

var (
	quotedText = lazyregexp.New(`"([^"\n]{1,200})"|“([^”\n]{1,200})”|「([^」\n]{1,200})」|'([^'\n]{2,200})'`)
	number     = lazyregexp.New(`-?\d+(?:\.\d+)?`)
	properName = lazyregexp.New(`(?:\b(?:in|for|at|of|to|about|named|called|is) |在|查|叫)(\p{Lu}[\p{L}'-]*(?: \p{Lu}[\p{L}'-]*)*|\p{Han}{2,4}?)(?:$|[^\p{L}]|的|天气)` +
		`|^(\p{Han}{2,4}?)(?:的|天气)`) // 北京的天气
)

// Bounds of the values, because a schema may refer to itself or require very many items.
const (
	maxDepth  = 12
	maxValues = 500
	maxItems  = 10
)

// object returns a JSON object with the required properties of s. References in s point into root.
func (f *valueFiller) object(s, root schema) string {
	var fields []string
	for _, key := range s.Required {
		fields = append(fields, quoteJSON(key)+": "+f.value(key, s.Properties[key], root))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// value returns a JSON value that fits s.
func (f *valueFiller) value(key string, s, root schema) string {
	f.valueCount++
	if f.depth++; f.depth > maxDepth || f.valueCount > maxValues {
		f.depth--
		return "null"
	}
	defer func() { f.depth-- }()
	switch {
	case s.Const != nil:
		return string(s.Const)
	case len(s.Enum) > 0:
		return f.enumValue(s.Enum)
	case s.Ref != "":
		return f.value(key, root.resolve(s.Ref), root)
	case len(s.AnyOf) > 0:
		return f.value(key, s.AnyOf[0], root)
	case len(s.OneOf) > 0:
		return f.value(key, s.OneOf[0], root)
	case len(s.AllOf) > 0:
		return f.value(key, s.AllOf[0], root)
	}
	switch s.typeName() {
	case "object":
		return f.object(s, root)
	case "array":
		return f.array(key, s, root)
	case "integer", "number":
		return f.number(s)
	case "boolean":
		return "true"
	case "null":
		return "null"
	default:
		if text, ok := formatExamples[s.Format]; ok {
			return quoteJSON(text)
		}
		return quoteJSON(f.text())
	}
}

// formatExamples has a text for each format, because requests rarely hold such texts.
var formatExamples = map[string]string{
	"email": "ada@example.test", "uri": "https://example.test/", "date": "2026-01-15", "time": "10:20:30Z",
	"date-time": "2026-01-15T10:20:30Z", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "203.0.113.7",
}

// typeName returns the first type that the schema allows, other than null.
func (s schema) typeName() string {
	switch t := s.Type.(type) {
	case string:
		return t
	case []any:
		for _, e := range t {
			if name, ok := e.(string); ok && name != "null" {
				return name
			}
		}
	}
	if s.Properties != nil {
		return "object"
	}
	return "string"
}

func (s schema) resolve(ref string) schema {
	if ref == "#" {
		return s
	}
	name := ref[strings.LastIndex(ref, "/")+1:]
	if found, ok := s.Defs[name]; ok {
		return found
	}
	return s.Definitions[name]
}

// enumValue returns the value that the request mentions, or else the first one.
func (f *valueFiller) enumValue(values []json.RawMessage) string {
	request := strings.ToLower(f.request)
	for _, v := range values {
		var text string
		if json.Unmarshal(v, &text) == nil && text != "" && strings.Contains(request, strings.ToLower(text)) {
			return string(v)
		}
	}
	return string(values[0])
}

func (f *valueFiller) array(key string, s, root schema) string {
	items := make([]string, min(max(s.MinItems, 1), maxItems))
	for i := range items {
		var item schema
		if s.Items != nil {
			item = *s.Items
		}
		items[i] = f.value(key, item, root)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// number returns the next number of the request, or else 1, within the bounds of s.
func (f *valueFiller) number(s schema) string {
	n := 1.0
	if all := number().FindAllString(f.request, -1); f.usedNumbers < len(all) {
		n, _ = strconv.ParseFloat(all[f.usedNumbers], 64)
		f.usedNumbers++
	}
	if s.Minimum != nil {
		n = max(n, *s.Minimum)
	}
	if s.Maximum != nil {
		n = min(n, *s.Maximum)
	}
	if s.typeName() == "integer" {
		n = float64(int64(n))
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// text returns the next quoted text of the request, or else a name in it, or else its first line.
func (f *valueFiller) text() string {
	quoted := quotedText().FindAllStringSubmatch(f.request, -1)
	if f.usedTexts < len(quoted) {
		f.usedTexts++
		return strings.Join(quoted[f.usedTexts-1][1:], "")
	}
	names := properName().FindAllStringSubmatch(f.request, -1)
	if i := f.usedTexts - len(quoted); i < len(names) {
		f.usedTexts++
		return cmp.Or(names[i][1], names[i][2])
	}
	if len(names) > 0 {
		return cmp.Or(names[len(names)-1][1], names[len(names)-1][2])
	}
	return shorten(f.request, 60)
}

var answerSchema = lazyregexp.New(`(?ms)^<json_schema name="[^"\n]*">\n(.*?)\n</json_schema>$`)

// jsonAnswer returns the answer as JSON when the instructions ask for JSON, or else "".
func (task *toolTask) jsonAnswer() string {
	if found := answerSchema().FindAllStringSubmatch(task.instructions, -1); found != nil {
		var s schema
		_ = json.Unmarshal([]byte(found[len(found)-1][1]), &s) // schema.UnmarshalJSON accepts everything
		f := valueFiller{request: task.request}
		return f.value("", s, s)
	}
	if strings.Contains(task.instructions, "with one JSON object, and with nothing else") {
		return `{"answer": ` + quoteJSON(task.chat.answer()) + "}"
	}
	return ""
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // encoding a string cannot fail
	return string(b)
}
