package anthropic

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// tools reads the tools that the model may call. The tools that Anthropic's servers run do not exist here:
// they are dropped, because agents always offer some. It is an error when nothing else could be called.
func (d *decoder) tools(v jsonval.Value) *jsonval.Fault {
	var dropped *jsonval.Fault
	f := v.ReadElements(jsonval.List{Expected: "an array"}, func(i int, e jsonval.Value) *jsonval.Fault {
		foreign, f := d.tool(e, "tools["+strconv.Itoa(i)+"].")
		if foreign != nil && dropped == nil {
			dropped = foreign.At(i)
		}
		return f
	})
	if f == nil && dropped != nil && len(d.req.Tools) == 0 {
		return dropped
	}
	return f
}

// tool reads one tool. foreign is the fault of a tool that is dropped.
func (d *decoder) tool(v jsonval.Value, path string) (foreign, f *jsonval.Fault) {
	o := dialect.OfferedTool{Path: path + "input_schema"}
	var typ jsonval.Value
	readName := func(v jsonval.Value) (f *jsonval.Fault) {
		o.Name, f = v.AsString()
		if f == nil && !dialect.IsToolName(o.Name) {
			f = jsonval.WrongValue(expectedToolName, v)
		}
		return f
	}
	f = v.ReadFields(nil, "",
		jsonval.Field{Name: "type", Value: &typ},
		jsonval.Field{Name: "name", Required: expectedToolName, Read: readName},
		jsonval.Field{Name: "description", Text: &o.Description},
		jsonval.Field{Name: "input_schema", Value: &o.Parameters},
		jsonval.Field{Name: "strict", Bool: &o.Strict})
	if f != nil {
		return nil, f
	}
	if !typ.IsAbsent() && (typ.Kind() != jsonval.String || string(typ.Bytes()) != "custom") {
		why := "tools that Anthropic's servers run cannot be offered; tools of the type custom can"
		if o.Name == d.forcedTool {
			return nil, jsonval.Unsupported(why).In("type")
		}
		d.Unknown.Add("tools[].", []byte(o.Name))
		return jsonval.Unsupported(why).In("type"), nil
	}
	field, f := d.AddTool(o)
	switch field {
	case dialect.FieldParameters:
		f = f.In("input_schema")
	case dialect.FieldName:
		f = f.In("name")
	}
	return nil, f
}

const expectedToolName = "a name of 1 to 128 letters, digits, _, -, ., : and /"

// readChoiceType reads what tools must know of tool_choice, which is read after them.
func (d *decoder) readChoiceType(v jsonval.Value) {
	if v.Kind() != jsonval.Object {
		return
	}
	if typ := v.Member("type"); typ.Kind() == jsonval.String {
		d.ForbidsCalls = string(typ.Bytes()) == "none"
	}
	if name := v.Member("name"); name.Kind() == jsonval.String {
		d.forcedTool = name.Text()
	}
}

func (d *decoder) toolChoice(v jsonval.Value) *jsonval.Fault {
	const expected = "one of auto, any, none, tool"
	var kind, name string
	var typ, nameValue jsonval.Value
	var isSerial bool
	f := v.CheckObject("an object with a type")
	if f == nil {
		f = v.ReadFields(&d.Unknown, "tool_choice.",
			jsonval.Field{Name: "type", Required: expected, Value: &typ, Text: &kind},
			jsonval.Field{Name: "name", Value: &nameValue, Text: &name},
			jsonval.Field{Name: "disable_parallel_tool_use", Bool: &isSerial})
	}
	if f != nil {
		return f
	}
	if isSerial {
		parallel := false
		d.req.ParallelCalls = &parallel
	}
	choice := &d.req.ToolChoice
	switch kind {
	case "auto":
		choice.Mode = chat.ToolsAuto
	case "none":
		choice.Mode = chat.ToolsNone
	case "any":
		choice.Mode = chat.ToolsRequired
		if len(d.req.Tools) == 0 {
			return jsonval.Invalid("a tool must be called, but there are no tools")
		}
	case "tool":
		if nameValue.IsAbsent() || !d.Allow(chat.ToolsRequired, name) {
			return jsonval.WrongValue("the name of a tool of this request", nameValue).In("name")
		}
	default:
		return jsonval.WrongValue(expected, typ).In("type")
	}
	return nil
}

// efforts are the values of output_config.effort.
var efforts = []string{"low", "medium", "high", "xhigh", "max"}

// thinking reads how much the model may think.
func (d *decoder) thinking(v jsonval.Value) *jsonval.Fault {
	const expected = "one of enabled, adaptive, disabled"
	var kind string
	var typ, budget jsonval.Value
	f := v.CheckObject("an object with a type")
	if f == nil {
		f = v.ReadFields(&d.Unknown, "thinking.",
			jsonval.Field{Name: "type", Required: expected, Value: &typ, Text: &kind},
			jsonval.Field{Name: "budget_tokens", Value: &budget},
			jsonval.Field{Name: "display"})
	}
	if f != nil {
		return f
	}
	switch kind {
	case "disabled":
		d.req.ReasoningEffort, d.req.hidesThinking = "none", true
	case "adaptive":
	case "enabled":
		if budget.IsAbsent() {
			return nil
		}
		tokens, f := budget.AsInt(0, 1<<30)
		if f != nil {
			return f.In("budget_tokens")
		}
		d.req.ReasoningEffort = dialect.EffortOfBudget(tokens)
	default:
		return jsonval.WrongValue(expected, typ).In("type")
	}
	return nil
}

// outputConfig reads the effort and the format of the answer. The effort wins over that of thinking.
func (d *decoder) outputConfig(v jsonval.Value) *jsonval.Fault {
	var effort, format jsonval.Value
	f := v.CheckObject("an object")
	if f == nil {
		f = v.ReadFields(&d.Unknown, "output_config.",
			jsonval.Field{Name: "effort", Value: &effort}, jsonval.Field{Name: "format", Value: &format},
			jsonval.Field{Name: "task_budget"})
	}
	if f != nil {
		return f
	}
	if !effort.IsAbsent() {
		text, f := effort.AsString()
		if f == nil && !slices.Contains(efforts, text) {
			f = jsonval.WrongValue("one of low, medium, high, xhigh, max", effort)
		}
		if f != nil {
			return f.In("effort")
		}
		if d.req.ReasoningEffort != "none" {
			d.req.ReasoningEffort = text
		}
	}
	if format.IsAbsent() {
		return nil
	}
	return d.format(format).In("format")
}

func (d *decoder) format(v jsonval.Value) *jsonval.Fault {
	var schema, typ jsonval.Value
	f := v.CheckObject("an object with type and schema")
	if f == nil {
		f = v.ReadFields(&d.Unknown, "output_config.format.",
			jsonval.Field{Name: "type", Required: `"json_schema"`, Value: &typ},
			jsonval.Field{Name: "schema", Required: "a JSON Schema", Value: &schema},
			jsonval.Field{Name: "name"})
	}
	if f != nil {
		return f
	}
	if typ.Kind() != jsonval.String || string(typ.Bytes()) != "json_schema" {
		return jsonval.WrongValue(`"json_schema"`, typ).In("type")
	}
	if f := d.CheckSchema(schema, false); f != nil {
		return f.In("schema")
	}
	d.req.Format = chat.Format{
		Kind: chat.FormatSchema, Name: "output", Schema: slices.Clone(schema), Path: "output_config.format.schema",
	}
	return nil
}
