package responses

import (
	"slices"
	"strconv"

	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

const (
	expectedToolName = "a name of 1 to 128 letters, digits, _, -, ., : and /"
	noServerTools    = "tools that OpenAI's servers run cannot be offered; functions and custom tools can"
)

// qualifiedName returns the name of a tool in a namespace, as the client's name of the tool.
func qualifiedName(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "__" + name
}

func (d *decoder) readTools(v jsonval.Value) *jsonval.Fault { return d.addTools(v, "tools", "") }

// addTools offers the tools of a list at that path, in that namespace.
func (d *decoder) addTools(v jsonval.Value, path, namespace string) *jsonval.Fault {
	return v.ReadElements(jsonval.List{Expected: "an array of tools"}, func(i int, e jsonval.Value) *jsonval.Fault {
		return d.addTool(e, path+"["+strconv.Itoa(i)+"].", namespace)
	})
}

// addTool offers a tool. The tools that OpenAI's servers run do not exist here: they are dropped, because agents
// always offer some.
func (d *decoder) addTool(v jsonval.Value, path, namespace string) *jsonval.Fault {
	o := dialect.OfferedTool{Path: path + "parameters"}
	var kind string
	var typ, name, format, tools jsonval.Value
	f := v.CheckObject("a tool, an object")
	if f == nil {
		f = v.ReadFields(nil, "",
			jsonval.Field{Name: "type", Required: "the type of the tool", Value: &typ, Text: &kind},
			jsonval.Field{Name: "name", Value: &name},
			jsonval.Field{Name: "description", Value: nil, Text: &o.Description},
			jsonval.Field{Name: "parameters", Value: &o.Parameters},
			jsonval.Field{Name: "strict", Bool: &o.Strict},
			jsonval.Field{Name: "format", Value: &format},
			jsonval.Field{Name: "tools", Value: &tools})
	}
	if f != nil {
		return f
	}
	isTool := kind == "function" || kind == "custom" || kind == "namespace" && namespace == ""
	if !isTool {
		d.dropped = append(d.dropped, kind)
		d.Unknown.Add("tools[].", []byte(kind))
		return nil
	}
	own, f := name.AsString()
	if f == nil && !dialect.IsToolName(own) {
		f = jsonval.WrongValue(expectedToolName, name)
	}
	if name.IsAbsent() {
		f = jsonval.Missing(expectedToolName, name)
	}
	if f != nil {
		return f.In("name")
	}
	if kind == "namespace" {
		return d.addTools(tools, path+"tools", own).In("tools")
	}
	o.Name = qualifiedName(namespace, own)
	if kind == "custom" {
		o.Description, o.Parameters = customDescription(o.Description, format), jsonval.Value(customSchema)
	}
	return d.offer(o, toolKind{namespace, own, kind == "custom"})
}

// offer offers a tool and remembers how its calls go out.
func (d *decoder) offer(o dialect.OfferedTool, kind toolKind) *jsonval.Fault {
	field, f := d.AddTool(o)
	if f != nil {
		if field != "" {
			f = f.In(field)
		}
		return f
	}
	if kind.namespace != "" || kind.isCustom {
		if d.req.tools == nil {
			d.req.tools = map[string]toolKind{}
		}
		d.req.tools[dialect.ModelName(o.Name)] = kind
	}
	return nil
}

// customSchema is the schema of a custom tool for the model: its text is the only argument.
const customSchema = `{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}`

// customDescription adds to the description what the text of a custom tool must be.
func customDescription(description string, format jsonval.Value) string {
	if format.Kind() != jsonval.Object {
		return description
	}
	definition, syntax := format.Member("definition"), format.Member("syntax")
	if definition.Kind() != jsonval.String {
		return description
	}
	if description != "" {
		description += "\n\n"
	}
	description += "The input must follow this grammar"
	if syntax.Kind() == jsonval.String {
		description += " (" + syntax.Text() + ")"
	}
	return description + ":\n" + definition.Text()
}

// callKind returns how the calls of a tool go out, by the model's name.
func (r *Request) callKind(name string) toolKind {
	if kind, ok := r.tools[name]; ok {
		return kind
	}
	return toolKind{name: r.ClientName(name)}
}

// foreignCalls are the types of items that OpenAI's own tools make. A transcript that began there contains them. The
// model reads them as JSON.
var foreignCalls = []string{
	"local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call",
	"apply_patch_call_output", "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call",
	"computer_call", "computer_call_output", "mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response",
	"tool_search_call", "tool_search_output",
}

func isForeignCall(kind string) bool { return slices.Contains(foreignCalls, kind) }
