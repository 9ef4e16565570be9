package simulator

import (
	"cmp"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// demoSchema is as much of a JSON Schema as demo mode fills in.
type demoSchema struct {
	Type       any                   `json:"type"`
	Format     string                `json:"format"`
	Properties map[string]demoSchema `json:"properties"`
	Required   []string              `json:"required"`
	Items      *demoSchema           `json:"items"`
	Enum       []json.RawMessage     `json:"enum"`
	Const      json.RawMessage       `json:"const"`
	Minimum    *float64              `json:"minimum"`
	Maximum    *float64              `json:"maximum"`
	MinItems   int                   `json:"minItems"`
	AnyOf      []demoSchema          `json:"anyOf"`
	OneOf      []demoSchema          `json:"oneOf"`
	AllOf      []demoSchema          `json:"allOf"`
	Ref        string                `json:"$ref"`
	Defs       map[string]demoSchema `json:"$defs"`
	Old        map[string]demoSchema `json:"definitions"`
}

// UnmarshalJSON also takes true and false, which are schemas, and whatever else is
// none: a chat partner need not complain.
func (s *demoSchema) UnmarshalJSON(text []byte) error {
	type plain demoSchema
	var p plain
	_ = json.Unmarshal(text, &p) // what fits is kept
	*s = demoSchema(p)
	return nil
}

// filler makes values that fit a schema out of what the user said: quoted texts,
// numbers and names, each once.
type filler struct {
	goal  string
	texts int // quoted texts used
	nums  int // numbers used
	depth int
	made  int // values
}

var (
	quotedText = regexp.MustCompile(`"([^"\n]{1,200})"|“([^”\n]{1,200})”|「([^」\n]{1,200})」|'([^'\n]{2,200})'`)
	number     = regexp.MustCompile(`-?\d+(?:\.\d+)?`)
	properName = regexp.MustCompile(`(?:\b(?:in|for|at|of|to|about|named|called|is) |在|查|叫)(\p{Lu}[\p{L}'-]*(?: \p{Lu}[\p{L}'-]*)*|\p{Han}{2,4}?)(?:$|[^\p{L}]|的|天气)` +
		`|^(\p{Han}{2,4}?)(?:的|天气)`) // 北京的天气
)

// Bounds on what is made: schemas may refer to themselves, and ask for much.
const (
	maxFill   = 12
	maxValues = 500
	maxItems  = 10
)

// object is a JSON object with all that a schema requires; root is where its
// references point.
func (f *filler) object(s, root demoSchema) string {
	var fields []string
	for _, key := range s.Required {
		fields = append(fields, jsonText(key)+": "+f.value(key, s.Properties[key], root))
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

// value is a JSON value under a schema.
func (f *filler) value(key string, s, root demoSchema) string {
	f.made++
	if f.depth++; f.depth > maxFill || f.made > maxValues {
		f.depth--
		return "null"
	}
	defer func() { f.depth-- }()
	switch {
	case s.Const != nil:
		return string(s.Const)
	case len(s.Enum) > 0:
		return f.oneOf(s.Enum)
	case s.Ref != "":
		return f.value(key, root.resolve(s.Ref), root)
	case len(s.AnyOf) > 0:
		return f.value(key, s.AnyOf[0], root)
	case len(s.OneOf) > 0:
		return f.value(key, s.OneOf[0], root)
	case len(s.AllOf) > 0:
		return f.value(key, s.AllOf[0], root)
	}
	switch s.kind() {
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
		if text, ok := formatted[s.Format]; ok {
			return jsonText(text)
		}
		return jsonText(f.text())
	}
}

// formatted are texts of a form that a question rarely holds.
var formatted = map[string]string{
	"email": "ada@example.test", "uri": "https://example.test/", "date": "2026-01-15", "time": "10:20:30Z",
	"date-time": "2026-01-15T10:20:30Z", "uuid": "00000000-0000-4000-8000-000000000000", "ipv4": "203.0.113.7",
}

// kind is the first type that a schema allows.
func (s demoSchema) kind() string {
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

func (s demoSchema) resolve(ref string) demoSchema {
	if ref == "#" {
		return s
	}
	name := ref[strings.LastIndex(ref, "/")+1:]
	if found, ok := s.Defs[name]; ok {
		return found
	}
	return s.Old[name]
}

// oneOf is the value that the user names, else the first.
func (f *filler) oneOf(values []json.RawMessage) string {
	for _, v := range values {
		var text string
		if json.Unmarshal(v, &text) == nil && text != "" && strings.Contains(strings.ToLower(f.goal), strings.ToLower(text)) {
			return string(v)
		}
	}
	return string(values[0])
}

func (f *filler) array(key string, s, root demoSchema) string {
	items := make([]string, min(max(s.MinItems, 1), maxItems))
	for i := range items {
		var item demoSchema
		if s.Items != nil {
			item = *s.Items
		}
		items[i] = f.value(key, item, root)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// number is the next number of the goal, else 1, within the bounds.
func (f *filler) number(s demoSchema) string {
	n := 1.0
	if all := number.FindAllString(f.goal, -1); f.nums < len(all) {
		n, _ = strconv.ParseFloat(all[f.nums], 64)
		f.nums++
	}
	if s.Minimum != nil {
		n = max(n, *s.Minimum)
	}
	if s.Maximum != nil {
		n = min(n, *s.Maximum)
	}
	if s.kind() == "integer" {
		n = float64(int64(n))
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// text is the next quoted text of the goal, else a name in it, else the goal itself.
func (f *filler) text() string {
	quoted := quotedText.FindAllStringSubmatch(f.goal, -1)
	if f.texts < len(quoted) {
		f.texts++
		return strings.Join(quoted[f.texts-1][1:], "")
	}
	names := properName.FindAllStringSubmatch(f.goal, -1)
	if i := f.texts - len(quoted); i < len(names) {
		f.texts++
		return cmp.Or(names[i][1], names[i][2])
	}
	if len(names) > 0 {
		return cmp.Or(names[len(names)-1][1], names[len(names)-1][2])
	}
	return shorten(f.goal, 60)
}

var answerSchema = regexp.MustCompile(`(?ms)^<json_schema name="[^"\n]*">\n(.*?)\n</json_schema>$`)

// formatted is the answer as JSON, when that is asked for.
func (e *errand) formatted() string {
	if found := answerSchema.FindAllStringSubmatch(e.told, -1); found != nil {
		var s demoSchema
		_ = json.Unmarshal([]byte(found[len(found)-1][1]), &s) // never fails
		f := filler{goal: e.goal}
		return f.value("", s, s)
	}
	if strings.Contains(e.told, "with one JSON object, and with nothing else") {
		return `{"answer": ` + jsonText(e.h.answer()) + "}"
	}
	return ""
}

func jsonText(s string) string {
	b, _ := json.Marshal(s) // a string cannot fail
	return string(b)
}
