package openai

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

func TestDecodeTools(t *testing.T) {
	const two = `"tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": false, "parameters": {"type": "object"}}},
		{"type": "function", "function": {"name": "g-2_G", "description": null, "parameters": null, "strict": null}}]`
	f := chat.Tool{Name: "f", Description: "d", Parameters: []byte(`{"type": "object"}`), Path: "tools[0].function.parameters"}
	g := chat.Tool{Name: "g-2_G", Path: "tools[1].function.parameters"}
	no := false
	tests := []struct {
		name    string
		members string
		want    func(*ChatRequest)
	}{
		{"two", two, func(r *ChatRequest) { r.Tools = []chat.Tool{f, g} }},
		{"none", `"tools": [], "tool_choice": null`, func(*ChatRequest) {}},
		{"choice auto without tools", `"tool_choice": "auto"`, func(r *ChatRequest) { r.ToolChoice.Mode = chat.ToolsAuto }},
		{"choice before tools", `"tool_choice": "required", ` + two, func(r *ChatRequest) {
			r.Tools, r.ToolChoice.Mode = []chat.Tool{f, g}, chat.ToolsRequired
		}},
		{"named", two + `, "tool_choice": {"type": "function", "function": {"name": "f"}}`, func(r *ChatRequest) {
			r.Tools, r.ToolChoice = []chat.Tool{f, g}, chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"f"}}
		}},
		{"allowed", two + `, "tool_choice": {"type": "allowed_tools", "allowed_tools": {"tools": [{"type": "function", "function": {"name": "g-2_G"}}, {"type": "function", "function": {"name": "f"}}], "mode": "auto"}}`,
			func(r *ChatRequest) {
				r.Tools, r.ToolChoice = []chat.Tool{f, g}, chat.ToolChoice{Mode: chat.ToolsAuto, Allowed: []string{"g-2_G", "f"}}
			}},
		{"one at a time", two + `, "parallel_tool_calls": false`, func(r *ChatRequest) { r.Tools, r.ParallelCalls = []chat.Tool{f, g}, &no }},
		{"functions", `"functions": [{"name": "f", "parameters": {}}], "function_call": {"name": "f"}`, func(r *ChatRequest) {
			r.Tools = []chat.Tool{{Name: "f", Parameters: []byte(`{}`), Path: "functions[0].parameters"}}
			r.LegacyCalls, r.ToolChoice = true, chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"f"}}
		}},
		{"unknown keys", `"tools": [{"type": "function", "cache_control": {}, "function": {"name": "f", "deprecated": 1}}], "response_format": {"type": "json_schema", "json_schema": {"name": "n", "x": 1}}`,
			func(r *ChatRequest) {
				r.Tools = []chat.Tool{{Name: "f", Path: "tools[0].function.parameters"}}
				r.Format = chat.Format{Kind: chat.FormatSchema, Name: "n", Path: "response_format.json_schema.schema"}
				r.Unknown = []string{"tools[].cache_control", "tools[].function.deprecated", "response_format.json_schema.x"}
			}},
		{"without a type", `"tools": [{"function": {"name": "f"}}], "tool_choice": {"function": {"name": "f"}}`, func(r *ChatRequest) {
			r.Tools = []chat.Tool{{Name: "f", Path: "tools[0].function.parameters"}}
			r.ToolChoice = chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"f"}}
		}},
		{"flat", `"tools": [{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": false}], "tool_choice": {"type": "function", "name": "f"}`,
			func(r *ChatRequest) {
				r.Tools = []chat.Tool{{Name: "f", Description: "d", Parameters: []byte(`{"type": "object"}`), Path: "tools[0].parameters"}}
				r.ToolChoice = chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"f"}}
			}},
		{"the same tool twice", `"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}, {"type": "function", "function": {"parameters": { "type":"object" }, "name": "f"}}]`,
			func(r *ChatRequest) {
				r.Tools = []chat.Tool{{Name: "f", Parameters: []byte(`{"type": "object"}`), Path: "tools[0].function.parameters"}}
			}},
		{"the same tool twice without parameters", `"tools": [{"type": "function", "function": {"name": "a.b", "parameters": []}}, {"type": "function", "function": {"name": "a.b"}}]`,
			func(r *ChatRequest) {
				r.Tools = []chat.Tool{{Name: "a_b_2e7336dc", Path: "tools[0].function.parameters"}}
				r.ToolNames = map[string]string{"a_b_2e7336dc": "a.b"}
			}},
		{"names that the model is not told", `"tools": [{"type": "function", "function": {"name": "fs.read"}}, {"type": "function", "function": {"name": "fs_read"}}, {"type": "function", "function": {"name": "` + strings.Repeat("n", 128) + `"}}],
			"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "fs.read"}}, {"type": "function", "function": {"name": "fs.read"}}]}}`,
			func(r *ChatRequest) {
				long := strings.Repeat("n", 55) + "_dd2411b9"
				r.Tools = []chat.Tool{
					{Name: "fs_read_4074bc02", Path: "tools[0].function.parameters"}, {Name: "fs_read", Path: "tools[1].function.parameters"},
					{Name: long, Path: "tools[2].function.parameters"},
				}
				r.ToolNames = map[string]string{"fs_read_4074bc02": "fs.read", long: strings.Repeat("n", 128)}
				r.ToolChoice = chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"fs_read_4074bc02"}}
			}},
		{"functions with dots", `"functions": [{"name": "fs.read"}], "function_call": {"name": "fs.read"}`, func(r *ChatRequest) {
			r.Tools = []chat.Tool{{Name: "fs_read_4074bc02", Path: "functions[0].parameters"}}
			r.ToolNames = map[string]string{"fs_read_4074bc02": "fs.read"}
			r.LegacyCalls, r.ToolChoice = true, chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"fs_read_4074bc02"}}
		}},
		{"strict schemas that nobody calls", `"tools": [{"type": "function", "function": {"name": "f", "strict": true, "parameters": {"type": "string"}}}], "tool_choice": "none"`,
			func(r *ChatRequest) {
				r.Tools = []chat.Tool{{Name: "f", Strict: true, Parameters: []byte(`{"type": "string"}`), Path: "tools[0].function.parameters"}}
				r.ToolChoice.Mode = chat.ToolsNone
			}},
		{"functions none", `"functions": [], "function_call": "auto"`, func(*ChatRequest) {}},
		{"format text", `"response_format": {"type": "text"}`, func(*ChatRequest) {}},
		{"format object", `"response_format": {"type": "json_object"}`, func(r *ChatRequest) { r.Format.Kind = chat.FormatObject }},
		{"format object with a schema beside it", `"response_format": {"type": "json_object", "schema": {"required": ["a"]}, "x": 1}`, func(r *ChatRequest) {
			r.Format = chat.Format{Kind: chat.FormatObject, Name: "answer", Schema: []byte(`{"required": ["a"]}`), Path: "response_format.schema"}
			r.Unknown = []string{"response_format.x"}
		}},
		{"format object with a schema elsewhere", `"response_format": {"type": "json_object", "schema": null, "json_schema": {"schema": {"required": ["a"]}}}`, func(r *ChatRequest) {
			r.Format = chat.Format{Kind: chat.FormatObject, Name: "answer", Schema: []byte(`{"required": ["a"]}`), Path: "response_format.json_schema.schema"}
		}},
		{"format schema", `"response_format": {"type": "json_schema", "json_schema": {"name": "n", "description": "d", "strict": true,
			"schema": {"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": {"type": ["string", "null"]}}}}}`,
			func(r *ChatRequest) {
				r.Format = chat.Format{
					Kind: chat.FormatSchema, Name: "n", Description: "d", Strict: true, Path: "response_format.json_schema.schema",
					Schema: []byte(`{"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": {"type": ["string", "null"]}}}`),
				}
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := decode(t, withParameters(`"n": 1`))
			tt.want(want)
			if diff := cmp.Diff(want, decode(t, withParameters(tt.members))); diff != "" {
				t.Errorf("DecodeChat (-want +got):\n%s", diff)
			}
		})
	}
}

// Bounds are exact: a request at the bound is accepted, one more is refused.
func TestToolBounds(t *testing.T) {
	tools := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"type": "function", "function": {"name": "f%d"}}`, i)
		}
		return `"tools": [` + strings.Join(list, ",") + `]`
	}
	strict := func(schema string) string {
		return `"response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": ` + schema + `}}`
	}
	properties := func(n int) string {
		keys, list := make([]string, n), make([]string, n)
		for i := range list {
			keys[i] = fmt.Sprintf(`"p%d"`, i)
			list[i] = keys[i] + `: {}`
		}
		return strict(`{"type": "object", "additionalProperties": false, "required": [` + strings.Join(keys, ",") + `], "properties": {` + strings.Join(list, ",") + `}}`)
	}
	deep := func(n int) string {
		schema := `{"type": "string"}`
		for range n {
			schema = `{"type": "object", "additionalProperties": false, "required": ["a"], "properties": {"a": ` + schema + `}}`
		}
		return strict(schema)
	}
	// sized returns n schemas of that many bytes each.
	sized := func(n, size int) string {
		list := make([]string, n)
		for i := range list {
			schema := `{"description": "` + strings.Repeat("x", size-len(`{"description": ""}`)) + `"}`
			list[i] = fmt.Sprintf(`{"type": "function", "function": {"name": "f%d", "parameters": %s}}`, i, schema)
		}
		return `"tools": [` + strings.Join(list, ",") + `]`
	}
	for name, tt := range map[string]struct{ fits, not, param string }{
		"a schema":   {sized(1, dialect.MaxSchemaSize), sized(1, dialect.MaxSchemaSize+1), "tools[0].function.parameters"},
		"schemas":    {sized(8, dialect.MaxSchemasSize/8), sized(400, 60<<10), "tools[34].function.parameters"},
		"tools":      {tools(512), tools(513), "tools[512].function"},
		"properties": {properties(5000), properties(5001), "response_format.json_schema.schema"},
		"depth":      {deep(10), deep(11), "response_format.json_schema.schema"},
	} {
		decode(t, withParameters(tt.fits))
		_, err := DecodeChat([]byte(withParameters(tt.not)))
		if e := chat.AsError(err); err == nil || e.Code != chat.CodeInvalidValue || e.Param != tt.param {
			t.Errorf("%s: DecodeChat of one more = %v, want an invalid %s", name, err, tt.param)
		}
	}
}

func TestCheckResults(t *testing.T) {
	const call = `{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}`
	const user, a, b = `{"role": "user", "content": "hi"}`, `{"role": "tool", "tool_call_id": "a", "content": "1"}`, `{"role": "tool", "tool_call_id": "b", "content": "1"}`
	for _, tt := range []struct{ name, messages, param string }{
		{"made", user + "," + call + "," + a, ""},
		{"made long ago", user + "," + call + "," + a + "," + user + "," + a, ""},
		{"never made", user + "," + call + "," + b, "messages[2].tool_call_id"},
		{"made later", user + "," + a + "," + call, "messages[1].tool_call_id"},
		{"the second of two", user + "," + call + "," + a + "," + b, "messages[3].tool_call_id"},
		{"an empty id", user + "," + call + `, {"role": "tool", "tool_call_id": "", "content": "1"}`, "messages[2].tool_call_id"},
		{"an empty id of a call", user + "," + strings.Replace(call, `"a"`, `""`, 1) + `, {"role": "tool", "tool_call_id": "", "content": "1"}`, ""},
		{"of a function", user + `, {"role": "function", "name": "f", "content": "1"}`, ""},
	} {
		r := decode(t, `{"model": "m", "messages": [`+tt.messages+`]}`)
		err := r.CheckResults()
		if tt.param == "" {
			if err != nil {
				t.Errorf("%s: CheckResults() = %v, want nil", tt.name, err)
			}
			continue
		}
		if e := chat.AsError(err); err == nil || e.Code != chat.CodeInvalidValue || e.Param != tt.param || !strings.Contains(e.Message, "'"+tt.param+"'") {
			t.Errorf("%s: CheckResults() = %v, want param %s", tt.name, err, tt.param)
		}
	}
	split := `{"role": "assistant", "content": "x"}`
	r := decode(t, `{"model": "m", "messages": [`+user+","+split+","+call+","+b+`]}`)
	if e := chat.AsError(r.CheckResults()); e == nil || e.Param != "messages[3].tool_call_id" {
		t.Errorf("CheckResults() after an answer in two messages = %v, want param messages[3].tool_call_id", e)
	}
	r = decode(t, `{"model": "m", "messages": [`+user+","+call+","+a+`]}`)
	if got := r.Messages[2].Name; got != "f" {
		t.Errorf("Name of the result of f = %q, want f", got)
	}
}

// An answer that a client sends back as two messages, text and calls, becomes one message.
// Other messages stay as they are.
func TestDecodeJoinsAnswer(t *testing.T) {
	const text = `{"role": "assistant", "content": "Let me see."}`
	const call = `{"role": "assistant", "content": null, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}`
	const other = `{"role": "assistant", "content": "", "tool_calls": [{"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}`
	const named = `{"role": "assistant", "name": "ann", "content": "", "tool_calls": [{"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}`
	const user, result = `{"role": "user", "content": "hi"}`, `{"role": "tool", "tool_call_id": "a", "content": "1"}`
	for _, tt := range []struct {
		name, messages string
		want           string // of each message: its role's first letter, then its text's length and calls
	}{
		{"text and calls", user + "," + text + "," + call + "," + result, "u2+0 a11+1 t1+0"},
		{"calls and text", user + "," + call + "," + text, "u2+0 a0+1 a11+0"},
		{"calls and calls", user + "," + call + "," + other, "u2+0 a0+1 a0+1"},
		{"text, calls and calls", user + "," + text + "," + call + "," + other, "u2+0 a11+1 a0+1"},
		{"text and text", user + "," + text + "," + text, "u2+0 a11+0 a11+0"},
		{"something between", user + "," + text + "," + user + "," + call, "u2+0 a11+0 u2+0 a0+1"},
		{"of another name", user + "," + text + "," + named, "u2+0 a11+0 a0+1"},
	} {
		var got []string
		for _, m := range decode(t, `{"model": "m", "messages": [`+tt.messages+`]}`).Messages {
			got = append(got, fmt.Sprintf("%c%d+%d", m.Role[0], len(m.Text), len(m.ToolCalls)))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: messages = %s, want %s", tt.name, s, tt.want)
		}
	}
}
