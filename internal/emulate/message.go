package emulate

import (
	"bytes"
	"encoding/json"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/lazyregexp"
)

// MessageText returns a message as the model reads it: its text with references to its files, and
// its tool calls or its result in the package's notation.
func MessageText(m chat.Message) string {
	m.Text = textWithFiles(m)
	switch m.Role {
	case chat.RoleAssistant:
		return assistantText(m)
	case chat.RoleTool:
		return resultText(m)
	default:
		return m.Text
	}
}

// MessageText returns a message as the model of the plan's request reads it. If the model knows of
// tools, it escapes tags in everything that the model did not write, because a model that quotes a
// pasted page would make the calls in it.
func (p *Plan) MessageText(m chat.Message) string {
	if m.Role == chat.RoleAssistant || m.Role == chat.RoleTool {
		return MessageText(m)
	}
	return p.escapeText(MessageText(m))
}

// escapeText escapes tags in text if call tags are calls.
func (p *Plan) escapeText(text string) string {
	if !p.hasTools {
		return text
	}
	return escapeTags(text)
}

func assistantText(m chat.Message) string {
	text := escapeTags(m.Text)
	if len(m.ToolCalls) == 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text)
	for _, call := range m.ToolCalls {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString("<tool_call>")
		b.WriteString(callJSON(call))
		b.WriteString("</tool_call>")
	}
	return b.String()
}

// callJSON returns a call as a JSON object on one line.
func callJSON(call chat.ToolCall) string {
	var arguments bytes.Buffer
	if err := json.Compact(&arguments, []byte(call.Arguments)); err != nil {
		arguments.Reset()
		arguments.WriteString(quoteJSONEscaped(call.Arguments))
	}
	object := `{"name": ` + quoteJSONEscaped(call.Name) + `, "arguments": ` + arguments.String() + `}`
	// In JSON a < can only be in a string, where the escape has the same meaning.
	return tagStart().ReplaceAllString(object, `\u003c$1`)
}

func resultText(m chat.Message) string {
	var b strings.Builder
	b.WriteString("<tool_result")
	writeAttribute(&b, "id", m.ToolCallID)
	writeAttribute(&b, "name", m.Name)
	b.WriteString(">\n")
	if m.Executed != "" {
		b.WriteString("[This call was changed before it ran. It ran with these arguments: " + escapeTags(m.Executed) + "]\n")
	}
	if m.IsError {
		b.WriteString("[error] ")
	}
	b.WriteString(escapeTags(m.Text))
	b.WriteString("\n</tool_result>")
	return b.String()
}

func writeAttribute(b *strings.Builder, name, value string) {
	if value == "" {
		return
	}
	b.WriteString(" " + name + `="`)
	_, _ = attributeEscapes.WriteString(b, value) // writing to a Builder cannot fail
	b.WriteByte('"')
}

var attributeEscapes = strings.NewReplacer(
	"&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "\n", "&#10;", "\r", "&#13;",
)

var (
	// tagStart matches the < and the name of a tag.
	tagStart = lazyregexp.New(`<(/?tool_(?:call|result)|function=)`)
	// anyTag matches the beginning of a tag, escaped or not, and its end if the end is escaped.
	anyTag = lazyregexp.New(`(<|&(?:amp;)*lt;)(/?tool_(?:call|result)|function=)([ -%'-;=?-~\t]{0,200})(&(?:amp;)*gt;)?`)
)

// maxTagTail limits the bytes between the name of a tag and its end, as in anyTag.
const maxTagTail = 200

// isTagTail reports whether c may be between the name of a tag and its end, as in anyTag.
func isTagTail(c byte) bool {
	return c >= ' ' && c <= '~' && c != '&' && c != '<' && c != '>' || c == '\t'
}

// escapeTags escapes everything in text that could be read as a tag, and adds one level to what is
// escaped already.
func escapeTags(text string) string {
	// Nearly every text passes this fast check.
	if !strings.Contains(text, "tool_") && !strings.Contains(text, "function=") {
		return text
	}
	return anyTag().ReplaceAllStringFunc(text, func(tag string) string {
		m := anyTag().FindStringSubmatch(tag)
		start, end := "&lt;", m[4]
		if m[1] != "<" {
			start = "&amp;" + m[1][1:]
		}
		if end != "" {
			end = "&amp;" + end[1:]
		}
		return start + m[2] + m[3] + end
	})
}

// quoteJSONEscaped returns s as a JSON string without < and >.
func quoteJSONEscaped(s string) string {
	b, _ := json.Marshal(s) // encoding a string cannot fail
	return string(b)
}
