package responses

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

func mustDecode(t *testing.T, body string) *Request {
	t.Helper()
	r, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("Decode(%s) error = %v", body, err)
	}
	return r
}

func withFields(fields string) string {
	body := `{"model": "m", "input": "hi"`
	if fields != "" {
		body += ", " + fields
	}
	return body + "}"
}

func TestDecodeInput(t *testing.T) {
	user := func(text string) chat.Message { return chat.Message{Role: chat.RoleUser, Text: text} }
	for _, tt := range []struct {
		name, fields string
		want         []chat.Message
	}{
		{"text", `"input": "hi"`, []chat.Message{user("hi")}},
		{"instructions", `"instructions": "be brief"`, []chat.Message{{Role: chat.RoleSystem, Text: "be brief"}, user("hi")}},
		{"message without a type", `"input": [{"role": "user", "content": "hi"}]`, []chat.Message{user("hi")}},
		{"parts", `"input": [{"role": "developer", "content": "d"}, {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}]`,
			[]chat.Message{{Role: chat.RoleDeveloper, Text: "d"}, user("a\nb")}},
		{"an answer in items", `"input": [{"role": "user", "content": "q"}, {"type": "reasoning", "id": "rs_1", "summary": [], "content": null, "encrypted_content": "x"}, {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": "a", "annotations": []}, {"type": "output_text", "text": "b"}], "status": "completed"}, {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{\"a\":1}"}, {"type": "function_call", "call_id": "c2", "namespace": "ns", "name": "g", "arguments": "{}"}, {"type": "function_call_output", "call_id": "c1", "output": "r1"}, {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "r2"}]}]`,
			[]chat.Message{
				user("q"),
				{Role: chat.RoleAssistant, Text: "ab", ToolCalls: []chat.ToolCall{{ID: "c1", Name: "f", Arguments: `{"a":1}`}, {ID: "c2", Name: "ns__g", Arguments: `{}`}}},
				{Role: chat.RoleTool, ToolCallID: "c1", Name: "f", Text: "r1"},
				{Role: chat.RoleTool, ToolCallID: "c2", Name: "ns__g", Text: "r2"},
			}},
		{"a custom call", `"input": [{"role": "user", "content": "q"}, {"type": "custom_tool_call", "call_id": "c1", "name": "apply_patch", "input": "*** Begin \"x\""}, {"type": "custom_tool_call_output", "call_id": "c1", "output": "ok"}]`,
			[]chat.Message{
				user("q"),
				{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "c1", Name: "apply_patch", Arguments: `{"input":"*** Begin \"x\""}`}}},
				{Role: chat.RoleTool, ToolCallID: "c1", Name: "apply_patch", Text: "ok"},
			}},
		{"foreign calls are text", `"input": [{"role": "user", "content": "q"}, {"type": "web_search_call", "id": "x"}]`,
			[]chat.Message{user("q"), {Role: chat.RoleAssistant, Text: `[web_search_call: {"type": "web_search_call", "id": "x"}]`}}},
		{"a reference to reasoning", `"input": [{"role": "user", "content": "q"}, {"type": "item_reference", "id": "rs_1"}]`, []chat.Message{user("q")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"model": "m", "input": "hi", ` + tt.fields + `}`
			if diff := cmp.Diff(tt.want, mustDecode(t, body).Messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeTools(t *testing.T) {
	r := mustDecode(t, withFields(`"tools": [
		{"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": null},
		{"type": "namespace", "name": "mcp__x", "description": "n", "tools": [{"type": "function", "name": "g", "parameters": {"type": "object"}}]},
		{"type": "custom", "name": "apply_patch", "description": "patches", "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
		{"type": "web_search", "external_web_access": true}], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "g", "namespace": "mcp__x"}, {"type": "custom", "name": "apply_patch"}]}`))
	want := []chat.Tool{
		{Name: "f", Description: "d", Parameters: []byte(`{"type": "object"}`), Path: "tools[0].parameters"},
		{Name: "mcp__x__g", Parameters: []byte(`{"type": "object"}`), Path: "tools[1].tools[0].parameters"},
		{Name: "apply_patch", Description: "patches\n\nThe input must follow this grammar (lark):\nstart: x", Parameters: []byte(customSchema), Path: "tools[2].parameters"},
	}
	if diff := cmp.Diff(want, r.Tools); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"mcp__x__g", "apply_patch"}, r.ToolChoice.Allowed); diff != "" || r.ToolChoice.Mode != chat.ToolsAuto {
		t.Errorf("tool choice = %s (-want +got):\n%s", r.ToolChoice.Mode, diff)
	}
	if diff := cmp.Diff([]string{"tools[].web_search"}, r.Unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	for name, want := range map[string]toolKind{"f": {name: "f"}, "mcp__x__g": {namespace: "mcp__x", name: "g"}, "apply_patch": {name: "apply_patch", isCustom: true}} {
		if got := r.callKind(name); got != want {
			t.Errorf("callKind(%s) = %+v, want %+v", name, got, want)
		}
	}
}

func TestDecodeParameters(t *testing.T) {
	r := mustDecode(t, withFields(`"stream": true, "temperature": 0.5, "max_output_tokens": 7, "reasoning": {"effort": "high", "summary": "auto"},
		"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}}, "verbosity": "low"}, "parallel_tool_calls": false,
		"user": "anna", "metadata": {"sessionId": "12"}, "store": false, "include": [], "truncation": "disabled", "background": false, "wat": 1`))
	if !r.Streamed || *r.Temperature != 0.5 || *r.MaxTokens != 7 || r.ReasoningEffort != "high" || *r.ParallelCalls || r.SessionName != "anna" ||
		r.SessionID != 12 || r.echo.isStored || r.Format.Name != "n" || r.Format.Path != "text.format.schema" || len(r.Unknown) != 1 {
		t.Errorf("Decode = %+v", r)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		fields, param string
		code          chat.Code
	}{
		{`"model": ""`, "model", chat.CodeInvalidValue},
		{`"input": null`, "input", chat.CodeMissingParameter},
		{`"input": []`, "input", chat.CodeInvalidValue},
		{`"input": [{"role": "system", "content": "s"}]`, "input", chat.CodeInvalidValue},
		{`"input": [{"type": "compaction", "encrypted_content": "x"}]`, "input[0].type", chat.CodeInvalidValue},
		{`"input": [{"role": "tool", "content": "s"}]`, "input[0].role", chat.CodeInvalidValue},
		{`"input": [{"role": "user", "content": [{"type": "wat"}]}]`, "input[0].content[0].type", chat.CodeInvalidValue},
		{`"input": [{"type": "function_call", "name": "f", "arguments": ""}]`, "input[0].call_id", chat.CodeMissingParameter},
		{`"input": [{"type": "item_reference"}]`, "input[0].id", chat.CodeMissingParameter},
		{`"tools": [{"type": "function", "name": ""}]`, "tools[0].name", chat.CodeInvalidValue},
		{`"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function"}]}]`, "tools[0].tools[0].name", chat.CodeMissingParameter},
		{`"tool_choice": "required"`, "tool_choice", chat.CodeInvalidValue},
		{`"tool_choice": {"type": "function", "name": "g"}`, "tool_choice.name", chat.CodeInvalidValue},
		{`"tool_choice": {"type": "web_search"}`, "tool_choice.type", chat.CodeUnsupportedParameter},
		{`"text": {"format": {"type": "json_schema", "name": "n"}}`, "text.format.schema", chat.CodeMissingParameter},
		{`"reasoning": {"effort": "wat"}`, "reasoning.effort", chat.CodeInvalidValue},
		{`"previous_response_id": 1`, "previous_response_id", chat.CodeInvalidType},
		{`"conversation": 5`, "conversation", chat.CodeInvalidType},
		{`"conversation": "conv_1", "previous_response_id": "resp_1"`, "conversation", chat.CodeInvalidValue},
		{`"truncation": "auto"`, "truncation", chat.CodeUnsupportedParameter},
		{`"background": true`, "background", chat.CodeUnsupportedParameter},
		{`"prompt": {"id": "x"}`, "prompt", chat.CodeUnsupportedParameter},
		{`"top_logprobs": 3`, "top_logprobs", chat.CodeUnsupportedParameter},
	} {
		t.Run(tt.param, func(t *testing.T) {
			_, err := Decode([]byte(withFields(tt.fields)))
			e, ok := errors.AsType[*chat.Error](err)
			if !ok || e.Param != tt.param || e.Code != tt.code {
				t.Errorf("Decode(%s) error = %v, want %s at %s", tt.fields, err, tt.code, tt.param)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(withFields(`"tools": [{"type": "custom", "name": "f"}], "tool_choice": {"type": "custom", "name": "f"}`))
	f.Add(`{"model": "m", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]}, {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := Decode([]byte(body))
		if err != nil {
			if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindInvalid {
				t.Fatalf("Decode(%q) error = %v, want a *chat.Error of a wrong request", body, err)
			}
			return
		}
		if len(r.Messages) == 0 || r.Model == "" {
			t.Errorf("Decode(%q) = %+v, want messages and a model", body, r)
		}
	})
}
