package gemini

import (
	"encoding/json"
	"strconv"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// maxContents bounds the memory that contents of a few bytes take.
const maxContents = 100_000

// systemInstruction reads the instructions: a content, or a text.
func (d *decoder) systemInstruction(v jsonval.Value) *jsonval.Fault {
	c := content{decoder: d, role: chat.RoleSystem, parts: dialect.Parts{Separator: "\n"}}
	if v.Kind() == jsonval.String {
		c.parts.AddText(v.Text())
	} else if f := c.read(v, "systemInstruction"); f != nil {
		return f
	}
	if text := c.parts.Text(); text != "" {
		d.system = []chat.Message{{Role: chat.RoleSystem, Text: text}}
	}
	return nil
}

// contents reads the transcript: contents, or a lone text.
func (d *decoder) contents(v jsonval.Value) *jsonval.Fault {
	switch v.Kind() {
	case jsonval.String:
		d.messages = append(d.messages, chat.Message{Role: chat.RoleUser, Text: v.Text()})
		return nil
	case jsonval.Object:
		return d.content(0, v, "contents")
	}
	list := jsonval.List{Expected: "an array of contents", Max: maxContents, Elements: "contents"}
	return v.ReadElements(list, func(i int, e jsonval.Value) *jsonval.Fault {
		return d.content(i, e, "contents["+strconv.Itoa(i)+"]")
	})
}

// content reads a content, which may become several messages: the results of calls in it are messages of their own.
func (d *decoder) content(_ int, v jsonval.Value, path string) *jsonval.Fault {
	if v.Kind() == jsonval.String {
		d.messages = append(d.messages, chat.Message{Role: chat.RoleUser, Text: v.Text()})
		return nil
	}
	if f := v.CheckObject("a content, an object with role and parts"); f != nil {
		return f
	}
	c := content{decoder: d, role: chat.RoleUser, path: path, parts: dialect.Parts{Separator: "\n"}}
	if role := v.Member("role"); !role.IsAbsent() {
		switch text, f := role.AsString(); {
		case f != nil:
			return f.In("role")
		case text == "model":
			c.role, c.parts.Separator = chat.RoleAssistant, ""
		case text != "user" && text != "function":
			return jsonval.WrongValue("one of user, model, function", role).In("role")
		}
	}
	if f := c.read(v, path); f != nil {
		return f
	}
	d.messages = append(d.messages, c.results...)
	if c.parts.IsEmpty() && (len(c.results) > 0 || c.hasThought && len(c.calls) == 0) {
		return nil
	}
	if len(c.calls) > 0 {
		d.RecordCalls(c.calls)
		d.open = append(d.open, c.calls...)
	} else if c.role == chat.RoleUser {
		d.open = nil
	}
	d.messages = append(d.messages, chat.Message{
		Role: c.role, Text: c.parts.Text(), Files: c.parts.Files, ToolCalls: c.calls,
	})
	return nil
}

// content is a content that is being read.
type content struct {
	*decoder
	role       chat.Role
	path       string
	parts      dialect.Parts
	calls      []chat.ToolCall
	results    []chat.Message
	hasThought bool
}

func (c *content) read(v jsonval.Value, path string) *jsonval.Fault {
	if f := v.CheckObject("a content, an object with parts"); f != nil {
		return f
	}
	parts := v.Member("parts")
	if parts.Kind() == jsonval.Object {
		return c.part(parts, path+".parts").In("parts")
	}
	if parts.Kind() != jsonval.Array {
		return jsonval.Missing("an array of parts", parts).In("parts")
	}
	for i, e := range parts.Elements() {
		if f := c.part(e, path+".parts["+strconv.Itoa(i)+"]"); f != nil {
			return f.At(i).In("parts")
		}
	}
	return nil
}

func (c *content) part(v jsonval.Value, path string) *jsonval.Fault {
	if v.Kind() == jsonval.String {
		c.parts.AddText(v.Text())
		return nil
	}
	if f := v.CheckObject("a part, an object"); f != nil {
		return f
	}
	if thought := v.Member("thought"); string(thought) == "true" {
		c.hasThought = true
		return nil // thoughts are not sent to the model again
	}
	if text := v.Member("text"); !text.IsAbsent() {
		s, f := text.AsString()
		c.parts.AddText(s)
		return f.In("text")
	}
	if data := member(v, "inlineData", "inline_data"); !data.IsAbsent() && !c.role.Instructs() {
		return c.inlineData(data, path+".inlineData").In("inlineData")
	}
	if call := member(v, "functionCall", "function_call"); !call.IsAbsent() && c.role == chat.RoleAssistant {
		return c.call(call).In("functionCall")
	}
	if result := member(v, "functionResponse", "function_response"); !result.IsAbsent() && c.role != chat.RoleAssistant {
		return c.result(result, path+".functionResponse").In("functionResponse")
	}
	if file := member(v, "fileData", "file_data"); !file.IsAbsent() {
		return jsonval.Unsupported("files are stored at Google only; send them as inlineData").In("fileData")
	}
	for _, name := range []string{"executableCode", "codeExecutionResult"} {
		if !v.Member(name).IsAbsent() {
			c.parts.AddText("[" + name + ": " + string(v.Member(name)) + "]")
			return nil
		}
	}
	if !member(v, "thoughtSignature", "thought_signature").IsAbsent() {
		return nil // a part with a signature alone
	}
	return jsonval.Invalid("expected a part with text, inlineData, functionCall or functionResponse")
}

func (c *content) inlineData(v jsonval.Value, path string) *jsonval.Fault {
	if f := v.CheckObject("an object with mimeType and data"); f != nil {
		return f
	}
	data := v.Member("data")
	if data.Kind() != jsonval.String {
		return jsonval.Missing("a string of base64", data).In("data")
	}
	s := &chat.FileSource{Base64: data.Bytes(), Name: "file", Path: path + ".data"}
	if mimeType := member(v, "mimeType", "mime_type"); mimeType.Kind() == jsonval.String {
		s.Type = mimeType.Text()
		if strings.HasPrefix(s.Type, "image/") {
			s.Name, s.IsPicture = "image", true
		}
	}
	if name := member(v, "displayName", "display_name"); name.Kind() == jsonval.String {
		s.Name = name.Text()
	}
	if !c.parts.AddFile(s) {
		return jsonval.TooMany(dialect.MaxFiles, "files")
	}
	c.Request.HasFiles = true
	return nil
}

// call reads a call. One without an id gets one that depends on its position alone.
func (c *content) call(v jsonval.Value) *jsonval.Fault {
	if f := v.CheckObject("an object with name and args"); f != nil {
		return f
	}
	call := chat.ToolCall{Arguments: "{}"}
	f := v.ReadFields(nil, "",
		jsonval.Field{Name: "id", Text: &call.ID},
		jsonval.Field{Name: "name", Required: "a string, the name of the function", Text: &call.Name},
		jsonval.Field{Name: "args", Read: func(v jsonval.Value) *jsonval.Fault {
			args, f := v.AsObject()
			if f == nil {
				call.Arguments = string(args)
			}
			return f
		}})
	if call.ID == "" {
		call.ID = "call_" + strconv.Itoa(c.decoder.calls)
	}
	c.decoder.calls++
	call.Name = c.ModelName(call.Name)
	c.calls = append(c.calls, call)
	return f
}

// result reads the result of a call. One without an id belongs to the first call of that name that has none yet.
func (c *content) result(v jsonval.Value, path string) *jsonval.Fault {
	if f := v.CheckObject("an object with name and response"); f != nil {
		return f
	}
	m := chat.Message{Role: chat.RoleTool}
	var response jsonval.Value
	f := v.ReadFields(nil, "",
		jsonval.Field{Name: "id", Text: &m.ToolCallID},
		jsonval.Field{Name: "name", Required: "a string, the name of the function", Text: &m.Name},
		jsonval.Field{Name: "response", Value: &response})
	if f != nil {
		return f
	}
	m.Name = dialect.ModelName(m.Name)
	for i, call := range c.open {
		if m.ToolCallID == call.ID || m.ToolCallID == "" && m.Name == call.Name {
			m.ToolCallID = call.ID
			c.open = append(c.open[:i:i], c.open[i+1:]...)
			break
		}
	}
	c.MatchResult(&m, func() string { return path + ".id" })
	m.Text, m.IsError = resultText(response)
	inner := content{decoder: c.decoder, role: chat.RoleUser, path: path, parts: dialect.Parts{Separator: "\n"}}
	if parts := v.Member("parts"); parts.Kind() == jsonval.Array {
		inner.parts.AddText(m.Text)
		if f := inner.read(v, path); f != nil {
			return f
		}
		m.Text, m.Files = inner.parts.Text(), inner.parts.Files
	}
	c.results = append(c.results, m)
	return nil
}

// resultText returns the text of a result: that of the only member output, result, content or error, or else its
// JSON.
func resultText(v jsonval.Value) (text string, isError bool) {
	if v.Kind() != jsonval.Object {
		if v.Kind() == jsonval.String {
			return v.Text(), false
		}
		return string(v), false
	}
	count := 0
	for key, value := range v.Members() {
		count++
		switch name := string(key); name {
		case "output", "result", "content", "error":
			text, isError = string(value), name == "error"
			if value.Kind() == jsonval.String {
				text = value.Text()
			}
		default:
			if name != "name" {
				count = 2
			} else {
				count--
			}
		}
	}
	if count == 1 {
		return text, isError
	}
	return string(v), false
}

// isObject reports whether text is a JSON object.
func isObject(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") && json.Valid([]byte(text))
}
