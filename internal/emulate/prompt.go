package emulate

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/lazyregexp"
)

// Limits of a session's prompt. One host of the platform accepted texts of 48,000 characters and
// refused 80,000. Where the prompt is a column of 64 KiB, bytes count too. A text that is too long
// is refused by the platform itself, never cut here.
const (
	maxPromptRunes = 40_000
	maxPromptBytes = 60_000
)

func fitsPrompt(text string) bool {
	return len(text) <= maxPromptRunes || len(text) <= maxPromptBytes && utf8.RuneCountInString(text) <= maxPromptRunes
}

// writeInstructions sets Prompt and Preamble. It moves as little as possible into the preamble.
func (p *Plan) writeInstructions(system string) {
	whole := joinParagraphs(system, p.instructions(p.tools))
	if fitsPrompt(whole) {
		p.Prompt = whole
		return
	}
	if kept := p.countFittingTools(system); kept > 0 {
		p.Prompt = joinParagraphs(system, p.instructions(p.tools[:kept]))
		p.Preamble = wrapPreamble("You can also call these functions:\n\n" + toolList(p.tools[kept:]))
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

// countFittingTools returns how many of the tools fit into the prompt after the system text.
func (p *Plan) countFittingTools(system string) int {
	return sort.Search(len(p.tools), func(n int) bool {
		return !fitsPrompt(joinParagraphs(system, p.instructions(p.tools[:n+1])))
	})
}

func wrapPreamble(text string) string {
	return "These instructions apply to the whole conversation. The message follows them.\n\n" +
		text + "\n\nThe instructions end here. The message follows."
}

// joinParagraphs puts an empty line between two texts, unless one of them is empty.
func joinParagraphs(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n\n" + b
}

// instructions explains tools and format to the model; "" if there are none.
func (p *Plan) instructions(tools []chat.Tool) string {
	return joinParagraphs(p.toolText(tools), p.formatText())
}

const (
	toolsIntro = `# Tools

You can call functions of the user's program. Between the tags below, each function has its name between ===, what it does, and the type of its arguments, a JSON object: "key?" may be left out, "..." allows other keys, "T[]" is an array, "A | B" is either, a line after // describes the key below it, and (keyword: value) are keywords of JSON Schema.

`
	toolsRules = `

To call a function, write exactly this, outside of any code block:

<tool_call>{"name": "NAME", "arguments": {"KEY": "VALUE"}}</tool_call>

- "arguments" is one JSON object that is valid under the function's parameters. Do not invent functions or arguments.
- You may write text before a call, but not after it. After your calls, stop: the user's program runs them and sends each result as <tool_result id="N" name="NAME">RESULT</tool_result>, in the order of your calls. N is the number of the call in your answer, starting at 1. Never write a tool_result yourself.
- To mention one of these tags without using it, write &lt; for its <, or \u003c inside JSON.
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
		b.WriteString("- Make at most one call, and wait for its result before the next.\n")
	} else {
		b.WriteString("- To make several calls at once, write them one after another, each in its own tags.\n")
	}
	b.WriteString("- " + p.choiceText())
	return b.String()
}

// toolList returns the tools in the notation of the package's documentation.
func toolList(tools []chat.Tool) string {
	var b strings.Builder
	b.WriteString("<tools>\n")
	for _, t := range tools {
		b.WriteString(describeTool(t))
		b.WriteByte('\n')
	}
	b.WriteString("</tools>")
	return b.String()
}

// choiceText says which tools the model may or must call.
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
		return "Call functions if they help with the question. Otherwise answer without them." + only
	}
}

// describeTool returns a tool in the notation of the package's documentation.
func describeTool(t chat.Tool) string {
	var b strings.Builder
	b.WriteString("=== " + t.Name + " ===\n")
	if t.Description != "" {
		for line := range strings.SplitSeq(escapeToolText(t.Description), "\n") {
			if descriptionMark().MatchString(line) {
				b.WriteByte('\\')
			}
			b.WriteString(line + "\n")
		}
	}
	b.WriteString("Arguments: " + argumentsType(t.Parameters))
	return b.String()
}

// descriptionMark matches a line of a description that looks like a line around one, escaped or not.
var descriptionMark = lazyregexp.New(`^\\*(?:=== |Arguments: )`)

// quoteJSON returns s as a JSON string. It keeps < > & as they are, because descriptions are full
// of them, but it escapes tags.
func quoteJSON(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // encoding a string to a Buffer cannot fail
	return escapeTagsInJSON(strings.TrimSuffix(b.String(), "\n"))
}

// escapeTagsInJSON escapes the < of tags in JSON, where a < can only be in a string.
func escapeTagsInJSON(object string) string {
	if !strings.Contains(object, "<") {
		return object
	}
	object = tagStart().ReplaceAllString(object, `\u003c$1`)
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
		text += "\n\nPurpose of the answer: " + p.escapeText(p.format.Description)
	}
	text += "\n\n<json_schema name=" + quoteJSON(p.format.Name) + ">\n"
	return text + compactJSON(p.format.Schema) + "\n</json_schema>"
}
