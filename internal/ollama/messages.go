package ollama

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

const (
	// maxMessages bounds the memory that messages of a few bytes take.
	maxMessages = 100_000
	// maxCalls is the number of calls that one message may have.
	maxCalls = 1000
)

func (d *decoder) readMessages(v jsonval.Value) *jsonval.Fault {
	list := jsonval.List{Expected: "an array of messages", Max: maxMessages, Elements: "messages"}
	f := v.ReadElements(list, d.message)
	d.endResults()
	return f
}

func (d *decoder) message(index int, v jsonval.Value) *jsonval.Fault {
	if f := v.CheckObject("a message, an object"); f != nil {
		return f
	}
	var role string
	var m chat.Message
	var images, calls jsonval.Value
	f := v.ReadFields(&d.Unknown, "messages[].",
		jsonval.Field{Name: "role", Required: expectedRole, Text: &role},
		jsonval.Field{Name: "content", Text: &m.Text},
		jsonval.Field{Name: "images", Value: &images},
		jsonval.Field{Name: "tool_calls", Value: &calls},
		jsonval.Field{Name: "tool_name", Text: &m.Name}, jsonval.Field{Name: "name"},
		jsonval.Field{Name: "tool_call_id"}, jsonval.Field{Name: "thinking"})
	if f != nil {
		return f
	}
	switch m.Role = chat.Role(role); m.Role {
	case chat.RoleSystem, chat.RoleUser, chat.RoleAssistant, chat.RoleTool:
	default:
		return jsonval.WrongValue(expectedRole, v.Member("role")).In("role")
	}
	if !images.IsAbsent() {
		if m.Files, f = d.readImages(images, "messages["+strconv.Itoa(index)+"].images"); f != nil {
			return f.In("images")
		}
		for i := range m.Files {
			m.Files[i].Offset = len(m.Text)
		}
	}
	if m.Role == chat.RoleTool {
		d.addResult(m)
		return nil
	}
	d.endResults()
	m.Name = ""
	if m.Role == chat.RoleAssistant && !calls.IsAbsent() {
		if f := d.calls(calls, &m); f != nil {
			return f.In("tool_calls")
		}
	}
	d.messages = append(d.messages, m)
	return nil
}

const expectedRole = "one of system, user, assistant, tool"

// calls reads the calls of an answer. Their ids do not count: most clients lose them.
func (d *decoder) calls(v jsonval.Value, m *chat.Message) *jsonval.Fault {
	list := jsonval.List{Expected: "an array of calls", Max: maxCalls, Elements: "calls"}
	return v.ReadElements(list, func(_ int, e jsonval.Value) *jsonval.Fault {
		if f := e.CheckObject("a call, an object"); f != nil {
			return f
		}
		function := e.Member("function")
		if f := function.CheckObject("an object with name and arguments"); f != nil {
			return f.In("function")
		}
		call := chat.ToolCall{Arguments: "{}"}
		f := function.ReadFields(nil, "",
			jsonval.Field{Name: "name", Required: "a string, the name of the function", Text: &call.Name},
			jsonval.Field{Name: "arguments", Read: func(v jsonval.Value) *jsonval.Fault {
				switch v.Kind() {
				case jsonval.Object:
					call.Arguments = string(v)
				case jsonval.String:
					call.Arguments = v.Text()
				default:
					return jsonval.WrongType("an object", v)
				}
				return nil
			}})
		if f != nil {
			return f.In("function")
		}
		call.Name = d.ModelName(call.Name)
		m.ToolCalls = append(m.ToolCalls, call)
		d.open = append(d.open, call.Name)
		return nil
	})
}

// addResult adds the result of a call. Results wait until all are known, and are put into the order of their calls.
func (d *decoder) addResult(m chat.Message) {
	m.Name = dialect.ModelName(m.Name)
	d.pending = append(d.pending, m)
}

// endResults adds the results that wait. Each belongs to the first call of its name that has none yet; one without a
// name belongs to the first call that is left.
func (d *decoder) endResults() {
	if len(d.pending) == 0 {
		d.open = nil
		return
	}
	placed := make([]*chat.Message, len(d.open))
	var others []chat.Message
	for i := range d.pending {
		m := &d.pending[i]
		at := slices.IndexFunc(d.open, func(name string) bool { return name == m.Name })
		for at >= 0 && placed[at] != nil {
			next := slices.Index(d.open[at+1:], m.Name)
			if next < 0 {
				at = -1
				break
			}
			at += 1 + next
		}
		if at < 0 && m.Name == "" {
			at = slices.Index(placed, nil)
		}
		if at < 0 {
			others = append(others, *m)
			continue
		}
		placed[at] = m
	}
	for at, m := range placed {
		if m != nil {
			m.Name = d.open[at]
			d.messages = append(d.messages, *m)
		}
	}
	d.messages = append(d.messages, others...)
	d.pending, d.open = nil, nil
}

const expectedToolName = "a name of 1 to 128 letters, digits, _, -, ., : and /"

func (d *decoder) tools(v jsonval.Value) *jsonval.Fault {
	return v.ReadElements(jsonval.List{Expected: "an array of tools"}, func(i int, e jsonval.Value) *jsonval.Fault {
		if f := e.CheckObject("a tool, an object"); f != nil {
			return f
		}
		function := e.Member("function")
		if f := function.CheckObject("an object with name and parameters"); f != nil {
			return f.In("function")
		}
		o := dialect.OfferedTool{Path: "tools[" + strconv.Itoa(i) + "].function.parameters"}
		f := function.ReadFields(nil, "",
			jsonval.Field{Name: "name", Required: expectedToolName, Read: func(v jsonval.Value) (f *jsonval.Fault) {
				o.Name, f = v.AsString()
				if f == nil && !dialect.IsToolName(o.Name) {
					f = jsonval.WrongValue(expectedToolName, v)
				}
				return f
			}},
			jsonval.Field{Name: "description", Text: &o.Description},
			jsonval.Field{Name: "parameters", Value: &o.Parameters})
		if f != nil {
			return f.In("function")
		}
		field, f := d.AddTool(o)
		if field != "" {
			f = f.In(field)
		}
		return f.In("function")
	})
}
