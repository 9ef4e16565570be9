package responses

import (
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

func (d *decoder) model(v jsonval.Value) *jsonval.Fault {
	model, f := v.AsString()
	if f == nil && model == "" {
		f = jsonval.WrongValue("the id of a model", v)
	}
	d.req.Model = model
	return f
}

func (d *decoder) instructions(v jsonval.Value) *jsonval.Fault {
	text, f := v.AsString()
	if f == nil && text != "" {
		d.system = []chat.Message{{Role: chat.RoleSystem, Text: text}}
		d.req.echo.instructions = slices.Clone(v)
	}
	return f
}

func (d *decoder) reasoning(v jsonval.Value) *jsonval.Fault {
	return v.ReadFields(&d.Unknown, "reasoning.",
		jsonval.Field{Name: "effort", Read: func(v jsonval.Value) (f *jsonval.Fault) {
			d.req.ReasoningEffort, f = dialect.ReadEffort(v)
			return f
		}},
		jsonval.Field{Name: "summary"}, jsonval.Field{Name: "generate_summary"}, jsonval.Field{Name: "context"})
}

func (d *decoder) metadata(v jsonval.Value) *jsonval.Fault {
	return v.ReadFields(nil, "", jsonval.Field{Name: "sessionId", Read: func(v jsonval.Value) (f *jsonval.Fault) {
		d.req.SessionID, f = dialect.ReadSessionID(v)
		return f
	}})
}

// text reads the format of the answer.
func (d *decoder) text(v jsonval.Value) *jsonval.Fault {
	var format jsonval.Value
	f := v.ReadFields(&d.Unknown, "text.", jsonval.Field{Name: "format", Value: &format}, jsonval.Field{Name: "verbosity"})
	if f != nil || format.IsAbsent() {
		return f
	}
	if f = format.CheckObject("an object with a type"); f == nil {
		f = d.format(format)
	}
	return f.In("format")
}

const expectedFormatName = "a name of 1 to 64 letters, digits, _ and -"

func (d *decoder) format(v jsonval.Value) *jsonval.Fault {
	const expected = "one of text, json_object, json_schema"
	var typ, schema, name jsonval.Value
	var kind string
	format := chat.Format{Path: "text.format.schema"}
	f := v.ReadFields(&d.Unknown, "text.format.",
		jsonval.Field{Name: "type", Required: expected, Value: &typ, Text: &kind},
		jsonval.Field{Name: "name", Value: &name, Text: &format.Name},
		jsonval.Field{Name: "description", Text: &format.Description},
		jsonval.Field{Name: "strict", Bool: &format.Strict},
		jsonval.Field{Name: "schema", Value: &schema})
	if f != nil {
		return f
	}
	switch chat.FormatKind(kind) {
	case chat.FormatText:
		return nil
	case chat.FormatObject:
		d.req.Format = chat.Format{Kind: chat.FormatObject}
		return nil
	case chat.FormatSchema:
	default:
		return jsonval.WrongValue(expected, typ).In("type")
	}
	switch {
	case name.IsAbsent():
		return jsonval.Missing(expectedFormatName, name).In("name")
	case !dialect.IsName(format.Name):
		return jsonval.WrongValue(expectedFormatName, name).In("name")
	case schema.IsAbsent():
		return jsonval.Missing("a JSON Schema", schema).In("schema")
	}
	if f := d.CheckSchema(schema, format.Strict); f != nil {
		return f.In("schema")
	}
	format.Kind, format.Schema = chat.FormatSchema, slices.Clone(schema)
	d.req.Format = format
	return nil
}

// toolChoice reads tool_choice, after tools.
func (d *decoder) toolChoice(v jsonval.Value) *jsonval.Fault {
	if v.Kind() == jsonval.String {
		return d.toolMode(v)
	}
	const expected = "a string or an object"
	var typ, name, mode, tools, namespace jsonval.Value
	f := v.CheckObject(expected)
	if f == nil {
		f = v.ReadFields(&d.Unknown, "tool_choice.",
			jsonval.Field{Name: "type", Required: "the type of a tool", Value: &typ},
			jsonval.Field{Name: "name", Value: &name}, jsonval.Field{Name: "namespace", Value: &namespace},
			jsonval.Field{Name: "mode", Value: &mode}, jsonval.Field{Name: "tools", Value: &tools})
	}
	switch {
	case f != nil:
		return f
	case typ.Kind() != jsonval.String:
		return jsonval.WrongType("a string", typ).In("type")
	}
	switch string(typ.Bytes()) {
	case "function", "custom":
		return d.allow(chat.ToolsRequired, name, namespace).In("name")
	case "allowed_tools":
		return d.allowTools(mode, tools)
	default:
		return jsonval.Unsupported("tools that OpenAI's servers run cannot be called").In("type")
	}
}

func (d *decoder) toolMode(v jsonval.Value) *jsonval.Fault {
	switch mode := chat.ToolMode(v.Bytes()); mode {
	case chat.ToolsRequired:
		if len(d.req.Tools) == 0 {
			return jsonval.Invalid("a tool must be called, but there are no tools")
		}
		fallthrough
	case chat.ToolsNone, chat.ToolsAuto:
		d.req.ToolChoice = chat.ToolChoice{Mode: mode}
		return nil
	default:
		return jsonval.WrongValue("one of none, auto, required or an object", v)
	}
}

func (d *decoder) allow(mode chat.ToolMode, name, namespace jsonval.Value) *jsonval.Fault {
	own, f := name.AsString()
	if f != nil {
		return f
	}
	if namespace.Kind() == jsonval.String {
		own = qualifiedName(namespace.Text(), own)
	}
	if !d.Allow(mode, own) {
		return jsonval.WrongValue("the name of a tool of this request", name)
	}
	return nil
}

func (d *decoder) allowTools(modeValue, tools jsonval.Value) *jsonval.Fault {
	mode := chat.ToolsAuto
	if !modeValue.IsAbsent() {
		text, f := modeValue.AsString()
		if f != nil || text != "auto" && text != "required" {
			return jsonval.WrongValue("auto or required", modeValue).In("mode")
		}
		mode = chat.ToolMode(text)
	}
	if tools.Kind() != jsonval.Array || tools.IsEmpty() {
		return jsonval.Missing("an array of tools", tools).In("tools")
	}
	for i, e := range tools.Elements() {
		if e.Kind() != jsonval.Object {
			return jsonval.WrongType("an object", e).At(i).In("tools")
		}
		typ := e.Member("type")
		if slices.Contains(d.dropped, strings.Trim(string(typ), `"`)) {
			continue
		}
		if f := d.allow(mode, e.Member("name"), e.Member("namespace")); f != nil {
			return f.In("name").At(i).In("tools")
		}
	}
	return nil
}
