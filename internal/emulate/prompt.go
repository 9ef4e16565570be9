package emulate

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf8"

	"achuan/internal/chat"
)

// What a session's prompt may hold. One host of the platform took texts of 48,000
// characters and refused 80,000; where the prompt is a column of 64 KiB, bytes count.
// The platform itself says when a text is too long: it is sent whole or not at all.
const (
	maxPromptRunes = 40_000
	maxPromptBytes = 60_000
)

func fitsPrompt(text string) bool {
	return len(text) <= maxPromptRunes || len(text) <= maxPromptBytes && utf8.RuneCountInString(text) <= maxPromptRunes
}

// writeInstructions sets Prompt and Preamble. Of what does not fit into the prompt, as little
// as possible goes into a session's first text.
func (p *Plan) writeInstructions(system string) {
	whole := joinParagraphs(system, p.instructions(p.tools))
	if fitsPrompt(whole) {
		p.Prompt = whole
		return
	}
	if kept := p.countFittingTools(system); kept > 0 {
		p.Prompt = joinParagraphs(system, p.instructions(p.tools[:kept]))
		p.Preamble = wrapPreamble("More functions beside those that you were told of:\n\n" + toolList(p.tools[kept:]))
		return
	}
	instructions := p.instructions(p.tools)
	switch {
	case fitsPrompt(system):
		p.Prompt, p.Preamble = system, wrapPreamble(instructions)
	case fitsPrompt(instructions):
		p.Prompt, p.Preamble = instructions, wrapPreamble(system)
	default:
		p.Preamble = wrapPreamble(whole)
	}
}

// countFittingTools is how many of the tools fit into the prompt behind the system text.
func (p *Plan) countFittingTools(system string) int {
	return sort.Search(len(p.tools), func(n int) bool {
		return !fitsPrompt(joinParagraphs(system, p.instructions(p.tools[:n+1])))
	})
}

func wrapPreamble(text string) string {
	return "These are instructions for the whole conversation. The message itself comes after them.\n\n" +
		text + "\n\nHere the instructions end, and the message begins."
}

// joinParagraphs puts an empty line between texts that are not empty.
func joinParagraphs(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n\n" + b
}

// instructions tell the model of tools and format; "" when there are none.
func (p *Plan) instructions(tools []chat.Tool) string {
	return joinParagraphs(p.toolText(tools), p.formatText())
}

const (
	toolsIntro = `# Tools

You can call functions of the user's program. Each line between the tags below is one function, as JSON; "parameters" is the JSON Schema of its arguments.

`
	toolsRules = `

To call a function, write exactly this, outside of any code block:

<tool_call>{"name": "NAME", "arguments": {"KEY": "VALUE"}}</tool_call>

- "arguments" is one JSON object that is valid under the function's parameters. Invent no functions and no arguments.
- Text may come before a call, none comes after it. Then stop: the user's program runs what you called, and each result comes back as <tool_result id="N" name="NAME">RESULT</tool_result>, in the order of your calls; N is the number of the call in your answer, 1 for the first. Never write a tool_result yourself.
- To speak of one of these tags without using it, write &lt; for its <, and \u003c within JSON.
`
)

func (p *Plan) toolText(tools []chat.Tool) string {
	if len(tools) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(toolsIntro)
	b.WriteString(toolList(tools))
	b.WriteString(toolsRules)
	if p.singleCall {
		b.WriteString("- Make one call at the most, and wait for its result before the next.\n")
	} else {
		b.WriteString("- To make several calls at once, write them one after another, each in its own tags.\n")
	}
	b.WriteString("- " + p.choiceText())
	return b.String()
}

// toolList is the tools in the notation that the package documents.
func toolList(tools []chat.Tool) string {
	var b strings.Builder
	b.WriteString("<tools>\n")
	for _, t := range tools {
		b.WriteString(toolLine(t))
		b.WriteByte('\n')
	}
	b.WriteString("</tools>")
	return b.String()
}

// choiceText says which tools may or must be called.
func (p *Plan) choiceText() string {
	only := ""
	if p.choice.Allowed != nil {
		only = " Only these functions may be called now: " + strings.Join(p.allowedTools(), ", ") + "."
	}
	switch {
	case p.choice.Mode == chat.ToolsNone:
		return "Call no function now: answer with text."
	case p.choice.Mode == chat.ToolsRequired && len(p.choice.Allowed) == 1:
		return "You must call the function " + p.choice.Allowed[0] + " now, and no other."
	case p.choice.Mode == chat.ToolsRequired:
		return "You must call at least one function now." + only
	default:
		return "Call functions when they help with the question; otherwise answer without." + only
	}
}

// toolLine is a tool as JSON on one line.
func toolLine(t chat.Tool) string {
	line := `{"name":` + quoteJSON(t.Name)
	if t.Description != "" {
		line += `,"description":` + quoteJSON(t.Description)
	}
	parameters := t.Parameters
	if parameters == nil {
		parameters = []byte(`{"type":"object","properties":{}}`)
	}
	return line + `,"parameters":` + compactSchema(parameters) + "}"
}

// compactSchema is a schema without white space between its tokens, and without the
// tags that it stands between.
func compactSchema(schema []byte) string {
	var b bytes.Buffer
	if err := json.Compact(&b, schema); err != nil {
		return string(schema) // cannot be: it was compiled
	}
	return escapeTagsInJSON(b.String())
}

// quoteJSON is a JSON string that keeps < > & as they are, because descriptions
// are full of them, but no tag.
func quoteJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string and a Buffer take everything
	return escapeTagsInJSON(strings.TrimSuffix(b.String(), "\n"))
}

// escapeTagsInJSON takes the meaning from tags within JSON, where a < stands in strings only.
func escapeTagsInJSON(object string) string {
	object = tagStart.ReplaceAllString(object, `\u003c$1`)
	return strings.NewReplacer("</tools>", `\u003c/tools>`, "</json_schema>", `\u003c/json_schema>`).Replace(object)
}

const formatRules = ", and with nothing else: no text before or after it, no code block."

func (p *Plan) formatText() string {
	answer := "Answer"
	if len(p.tools) > 0 {
		answer = "When you call no function, answer"
	}
	switch {
	case !p.requiresJSON():
		return ""
	case p.format.Kind == chat.FormatObject && p.format.Schema == nil:
		return "# Answer format\n\n" + answer + " with one JSON object" + formatRules
	case p.format.Schema == nil:
		return "# Answer format\n\n" + answer + " with JSON" + formatRules
	}
	what := "JSON"
	if p.format.Kind == chat.FormatObject {
		what = "one JSON object"
	}
	text := "# Answer format\n\n" + answer + " with " + what + " that is valid under the JSON Schema below" + formatRules
	if p.format.Description != "" {
		text += "\n\nWhat it is for: " + p.escapeText(p.format.Description)
	}
	return text + "\n\n<json_schema name=" + quoteJSON(p.format.Name) + ">\n" + compactSchema(p.format.Schema) + "\n</json_schema>"
}
