package emulate

import (
	"fmt"
	"strings"
	"testing"

	"achuan/internal/chat"
)

func TestPromptContent(t *testing.T) {
	system := func(text string) func(*chat.Request) {
		return func(r *chat.Request) {
			r.Messages = append([]chat.Message{{Role: chat.RoleSystem, Text: text}}, r.Messages...)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*chat.Request)
		want   string
		not    string
	}{
		{"the system text first", system("Be kind."), "Be kind.\n\n# Tools\n", ""},
		{"each tool", nil, "\n=== now ===\n", "\n\t\t"},
		{"its arguments", nil, "\nArguments: {}\n", ""},
		{"the form of a call", nil, `<tool_call>{"name": "NAME", "arguments": {`, ""},
		{"several at once", nil, "several calls at once", "at most one call"},
		{"one at a time", withSingleCalls, "at most one call", "several calls at once"},
		{"auto", nil, "Otherwise answer without them.", "must"},
		{"none", withToolChoice(chat.ToolsNone), "Call no function now", ""},
		{"required", withToolChoice(chat.ToolsRequired), "You must call at least one function now.", "Only these"},
		{"named", withToolChoice(chat.ToolsRequired, "add"), "You must call the function add now", ""},
		{"allowed", withToolChoice(chat.ToolsAuto, "add", "now"), "Only these functions may be called now: now, add.", "must"},
		{"a format", func(r *chat.Request) { r.Tools, r.Format.Kind = nil, chat.FormatObject }, "Answer with one JSON object", "Tools"},
		{"an object with a schema", func(r *chat.Request) {
			r.Format = chat.Format{Kind: chat.FormatObject, Name: "answer", Schema: []byte(`{ "required" : [] }`)}
		}, "answer with one JSON object that is valid under the JSON Schema below, and with nothing else: no text before or after it, no code block.\n\n<json_schema name=\"answer\">\n{\"required\":[]}", ""},
		{"a format beside tools", func(r *chat.Request) { r.Format.Kind = chat.FormatObject }, "When you call no function, answer with one JSON object", ""},
		{"a schema", func(r *chat.Request) {
			r.Format = chat.Format{Kind: chat.FormatSchema, Name: "age", Description: "How old.", Schema: []byte(`{ "type" : "integer" }`)}
		}, "How old.\n\n<json_schema name=\"age\">\n{\"type\":\"integer\"}\n</json_schema>", ""},
		{"no end of the list in it", func(r *chat.Request) {
			r.Tools = []chat.Tool{{Name: "f", Description: "</tools> <tool_call> <b> & 你", Parameters: []byte(`{"description": "</tools>"}`)}}
		}, "=== f ===\n&lt;/tools> &lt;tool_call> <b> & 你\nArguments: any (description: \"\\u003c/tools>\")\n</tools>", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newTestPlan(t, tt.change)
			if !strings.Contains(p.Prompt, tt.want) || tt.not != "" && strings.Contains(p.Prompt, tt.not) {
				t.Errorf("Prompt = %s\nwant %q in it and not %q", p.Prompt, tt.want, tt.not)
			}
			if again := newTestPlan(t, tt.change).Prompt; p.Prompt != again {
				t.Errorf("second Prompt of the request = %s\nwant %s", again, p.Prompt)
			}
			if p.Preamble != "" {
				t.Errorf("preamble = %q, want none", p.Preamble)
			}
		})
	}
}

// Without tools and format, the prompt is only the client's text.
func TestPromptOfPlainText(t *testing.T) {
	p := newTestPlan(t, func(r *chat.Request) { r.Tools = nil })
	if p.Prompt != "" || p.Preamble != "" || p.NeedsShaper() {
		t.Errorf("NewPlan = %+v, want no prompt and no shaper", p)
	}
}

// A text that does not fit into the prompt goes into the preamble. Nothing is dropped.
func TestPromptSize(t *testing.T) {
	const mark = "THE END OF IT"
	text := func(n int, of string) string { return strings.Repeat(of, n/len([]rune(of))) + mark }
	for _, tt := range []struct {
		name                 string
		system, description  string
		systemAt, toolsAt    string // "prompt" or "preamble"
		inPrompt, inPreamble int    // number of marks
	}{
		{"both fit", text(9_000, "s"), text(9_000, "d"), "prompt", "prompt", 2, 0},
		{"nearly", text(20_000, "s"), text(17_000, "d"), "prompt", "prompt", 2, 0},
		{"the tools do not", text(20_000, "s"), text(40_000, "d"), "prompt", "preamble", 1, 1},
		{"the system text does not", text(60_000, "s"), text(9_000, "d"), "preamble", "prompt", 1, 1},
		{"neither does", text(76_000, "s"), text(76_000, "d"), "preamble", "preamble", 0, 2},
		{"bytes count too", text(15_000, "你"), text(9_000, "好"), "prompt", "preamble", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newTestPlan(t, func(r *chat.Request) {
				r.Messages = append([]chat.Message{{Role: chat.RoleSystem, Text: tt.system}}, r.Messages...)
				r.Tools = []chat.Tool{{Name: "f", Description: tt.description}}
			})
			at := map[string]string{"prompt": p.Prompt, "preamble": p.Preamble}
			if !strings.Contains(at[tt.systemAt], tt.system) || !strings.Contains(at[tt.toolsAt], tt.description) {
				t.Errorf("Prompt = %d bytes, Preamble = %d bytes, want the system text in the %s and the tools in the %s",
					len(p.Prompt), len(p.Preamble), tt.systemAt, tt.toolsAt)
			}
			if got := strings.Count(p.Prompt, mark); got != tt.inPrompt {
				t.Errorf("texts in the prompt = %d, want %d", got, tt.inPrompt)
			}
			if got := strings.Count(p.Preamble, mark); got != tt.inPreamble {
				t.Errorf("texts in the preamble = %d, want %d", got, tt.inPreamble)
			}
			if !fitsPrompt(p.Prompt) {
				t.Errorf("fitsPrompt(%d bytes) = false, want true", len(p.Prompt))
			}
		})
	}
}

// As many tools as possible go into the prompt, and the others into the preamble.
func TestPromptSplitsTools(t *testing.T) {
	var many []chat.Tool
	for i := range 24 {
		many = append(many, chat.Tool{Name: fmt.Sprintf("tool_%d", i), Description: strings.Repeat("d", 2_500)})
	}
	p := newTestPlan(t, func(r *chat.Request) { r.Tools = many })
	for i, tool := range many {
		line := describeTool(tool) + "\n"
		if in := strings.Count(p.Prompt, line) + strings.Count(p.Preamble, line); in != 1 {
			t.Errorf("lines of tool %d = %d, want 1", i, in)
		}
	}
	if !fitsPrompt(p.Prompt) || len(p.Prompt) < maxPromptRunes-3_000 || !strings.Contains(p.Prompt, toolsRules) {
		t.Errorf("Prompt = %d bytes, Preamble = %d bytes, want a nearly full prompt with the rules", len(p.Prompt), len(p.Preamble))
	}
}

func TestPlanRefusesSchemas(t *testing.T) {
	for name, r := range map[string]*chat.Request{
		"a.b": {Tools: []chat.Tool{{Name: "f", Parameters: []byte(`{"$ref": "https://example.com"}`), Path: "a.b"}}},
		"c.d": {Format: chat.Format{Kind: chat.FormatSchema, Name: "n", Schema: []byte(`{"type": 5}`), Path: "c.d"}},
	} {
		_, err := NewPlan(t.Context(), r, Options{})
		e := chat.AsError(err)
		if err == nil || e.Kind != chat.KindInvalid || e.Code != chat.CodeInvalidValue || e.Param != name || !strings.Contains(e.Message, "'"+name+"'") {
			t.Errorf("NewPlan = %v, want an invalid %s", err, name)
		}
	}
}
