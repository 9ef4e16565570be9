package anthropic

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// withFields returns a body with a question and with more fields.
func withFields(fields string) string {
	body := `{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]`
	if fields != "" {
		body += ", " + fields
	}
	return body + "}"
}

func mustDecode(t *testing.T, body string) *Request {
	t.Helper()
	r, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("Decode(%s) error = %v", body, err)
	}
	return r
}

func TestDecodeFields(t *testing.T) {
	no, number := false, 0.5
	tool := chat.Tool{Name: "f", Path: "tools[0].input_schema"}
	const f = `"tools": [{"name": "f", "input_schema": null}]`
	for _, tt := range []struct {
		name, fields string
		want         func(*Request)
	}{
		{"nothing", ``, func(*Request) {}},
		{"suffix of the model", `"model": "m[1m]"`, func(r *Request) { r.model = "m[1m]" }},
		{"system", `"system": "be brief"`, func(r *Request) { r.Messages = withSystem("be brief") }},
		{"system blocks", `"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "b"}]`,
			func(r *Request) { r.Messages = withSystem("a\n\nb") }},
		{"billing line", `"system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=1;"}, {"type": "text", "text": "b"}]`,
			func(r *Request) { r.Messages = withSystem("b") }},
		{"billing line in front of a text", `"system": "x-anthropic-billing-header: cch=1;\nbe brief"`, func(r *Request) { r.Messages = withSystem("be brief") }},
		{"stream", `"stream": true`, func(r *Request) { r.Streamed = true }},
		{"stops", `"stop_sequences": ["a", "", "b"]`, func(r *Request) { r.Stop = []string{"a", "b"} }},
		{"temperature", `"temperature": 0.5`, func(r *Request) { r.Temperature = &number }},
		{"thinking", `"thinking": {"type": "enabled", "budget_tokens": 4096}`, func(r *Request) { r.ReasoningEffort = "medium" }},
		{"no thinking", `"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}`, func(r *Request) { r.ReasoningEffort, r.hidesThinking = "none", true }},
		{"effort", `"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}`, func(r *Request) { r.ReasoningEffort = "max" }},
		{"format", `"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}`, func(r *Request) {
			r.Format = chat.Format{Kind: chat.FormatSchema, Name: "output", Schema: []byte(`{"type": "object"}`), Path: "output_config.format.schema"}
		}},
		{"tool", f, func(r *Request) { r.Tools = []chat.Tool{tool} }},
		{"forced tool", f + `, "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": true}`, func(r *Request) {
			r.Tools, r.ParallelCalls = []chat.Tool{tool}, &no
			r.ToolChoice = chat.ToolChoice{Mode: chat.ToolsRequired, Allowed: []string{"f"}}
		}},
		{"any tool", f + `, "tool_choice": {"type": "any"}`, func(r *Request) {
			r.Tools, r.ToolChoice = []chat.Tool{tool}, chat.ToolChoice{Mode: chat.ToolsRequired}
		}},
		{"a foreign tool beside one", `"tools": [{"name": "f"}, {"type": "web_search_20250305", "name": "web_search"}]`, func(r *Request) {
			r.Tools, r.Unknown = []chat.Tool{tool}, []string{"tools[].web_search"}
		}},
		{"ignored", `"metadata": {"user_id": "{}"}, "top_k": 5, "context_management": {"edits": []}, "betas": ["x"], "mcp_servers": []`, func(*Request) {}},
		{"unknown", `"wat": 1`, func(r *Request) { r.Unknown = []string{"wat"} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := mustDecode(t, withFields(""))
			tt.want(want)
			got := mustDecode(t, withFields(tt.fields))
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(Request{})); diff != "" {
				t.Errorf("Decode (-want +got):\n%s", diff)
			}
		})
	}
}

func withSystem(text string) []chat.Message {
	return []chat.Message{{Role: chat.RoleSystem, Text: text}, {Role: chat.RoleUser, Text: "hi"}}
}

func TestDecodeMessages(t *testing.T) {
	const ours = "_0123456789abcdefghijkl_0"
	for _, tt := range []struct {
		name, messages string
		want           []chat.Message
	}{
		{"blocks of the user are lines", `{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}`,
			[]chat.Message{{Role: chat.RoleUser, Text: "a\nb"}}},
		{"blocks of an answer are one text", `{"role": "user", "content": "q"}, {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}`,
			[]chat.Message{{Role: chat.RoleUser, Text: "q"}, {Role: chat.RoleAssistant, Text: "ab"}}},
		{"an answer in pieces", `{"role": "assistant", "content": "a"}, {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "f", "input": {"a": 1}}]}`,
			[]chat.Message{{Role: chat.RoleAssistant, Text: "a", ToolCalls: []chat.ToolCall{{ID: "x", Name: "f", Arguments: `{"a": 1}`}}}}},
		{"our ids", `{"role": "assistant", "content": [{"type": "tool_use", "id": "toolu` + ours + `", "name": "f", "input": {}}]}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu` + ours + `"}]}`,
			[]chat.Message{
				{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "call" + ours, Name: "f", Arguments: "{}"}}},
				{Role: chat.RoleTool, ToolCallID: "call" + ours, Name: "f"},
			}},
		{"results come in front of the text", `{"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]}, {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]}`,
			[]chat.Message{
				{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "toolu_1", Name: "f", Arguments: "{}"}}},
				{Role: chat.RoleTool, ToolCallID: "toolu_1", Name: "f", Text: "a\nb", IsError: true},
				{Role: chat.RoleUser, Text: "t"},
			}},
		{"text documents are text", `{"role": "user", "content": [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "doc"}}, {"type": "text", "text": "q"}]}`,
			[]chat.Message{{Role: chat.RoleUser, Text: "doc\nq"}}},
		{"blocks of Anthropic's servers are text", `{"role": "assistant", "content": [{"type": "server_tool_use", "id": "x"}]}`,
			[]chat.Message{{Role: chat.RoleAssistant, Text: `[server_tool_use: {"type": "server_tool_use", "id": "x"}]`}}},
		{"a late system message", `{"role": "user", "content": "q"}, {"role": "system", "content": "s"}`,
			[]chat.Message{{Role: chat.RoleUser, Text: "q"}, {Role: chat.RoleSystem, Text: "s"}}},
		{"empty content", `{"role": "user", "content": []}`, []chat.Message{{Role: chat.RoleUser}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mustDecode(t, `{"model": "m", "max_tokens": 9, "messages": [`+tt.messages+`]}`)
			if diff := cmp.Diff(tt.want, got.Messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeFiles(t *testing.T) {
	r := mustDecode(t, `{"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": [
		{"type": "text", "text": "see"},
		{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
		{"type": "image", "source": {"type": "url", "url": "https://example.test/a.png"}},
		{"type": "document", "title": "plan.pdf", "source": {"type": "file", "file_id": "file-1"}},
		{"type": "tool_result", "tool_use_id": "x", "content": [{"type": "image", "source": {"type": "base64", "data": "BBBB"}}]}]}]}`)
	const at = "messages[0].content"
	want := []chat.Message{
		{Role: chat.RoleTool, ToolCallID: "x", Files: []chat.File{
			{Source: &chat.FileSource{Base64: []byte("BBBB"), Name: "image", IsPicture: true, Path: at + "[4].content[0].source.data"}},
		}},
		{Role: chat.RoleUser, Text: "see", Files: []chat.File{
			{Offset: 3, Source: &chat.FileSource{Base64: []byte("AAAA"), Type: "image/png", Name: "image", IsPicture: true, Path: at + "[1].source.data"}},
			{Offset: 3, Source: &chat.FileSource{URL: "https://example.test/a.png", Name: "image", IsPicture: true, Path: at + "[2].source.url"}},
			{Offset: 3, Source: &chat.FileSource{ID: "file-1", Name: "plan.pdf", Path: at + "[3].source.file_id"}},
		}},
	}
	if diff := cmp.Diff(want, r.Messages, cmpopts.EquateEmpty()); diff != "" || !r.HasFiles {
		t.Errorf("messages, HasFiles = %v (-want +got):\n%s", r.HasFiles, diff)
	}
	if want := []dialect.Orphan{{Path: at + "[4].tool_use_id", Call: "x"}}; !cmp.Equal(r.Orphans, want) {
		t.Errorf("Orphans = %+v, want %+v", r.Orphans, want)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		fields, param string
		code          chat.Code
	}{
		{`"model": ""`, "model", chat.CodeInvalidValue},
		{`"max_tokens": 0`, "max_tokens", chat.CodeInvalidValue},
		{`"max_tokens": null`, "max_tokens", chat.CodeMissingParameter},
		{`"system": 1`, "system", chat.CodeInvalidType},
		{`"system": [{"type": "image"}]`, "system[0].type", chat.CodeInvalidValue},
		{`"messages": []`, "messages", chat.CodeInvalidValue},
		{`"system": "s", "messages": [{"role": "system", "content": "s"}]`, "messages", chat.CodeInvalidValue},
		{`"messages": [{"role": "tool", "content": ""}]`, "messages[0].role", chat.CodeInvalidValue},
		{`"messages": [{"role": "user", "content": [{"type": "wat"}]}]`, "messages[0].content[0].type", chat.CodeInvalidValue},
		{`"messages": [{"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f"}]}]`, "messages[0].content[0].type", chat.CodeInvalidValue},
		{`"messages": [{"role": "user", "content": [{"type": "text"}]}]`, "messages[0].content[0].text", chat.CodeMissingParameter},
		{`"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "wat"}}]}]`, "messages[0].content[0].source.type", chat.CodeInvalidValue},
		{`"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_result", "tool_use_id": "b"}]}]}]`,
			"messages[0].content[0].content", chat.CodeInvalidValue},
		{`"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "@0123456789abcdef0123456789abcdef"}}]}]`,
			"messages[0].content[0].source.data", chat.CodeInvalidValue},
		{`"stop_sequences": "a"`, "stop_sequences", chat.CodeInvalidType},
		{`"temperature": 1.5`, "temperature", chat.CodeInvalidValue},
		{`"tools": [{"name": ""}]`, "tools[0].name", chat.CodeInvalidValue},
		{`"tools": [{"name": "f", "input_schema": 1}]`, "tools[0].input_schema", chat.CodeInvalidType},
		{`"tools": [{"type": "web_search_20250305", "name": "web_search"}]`, "tools[0].type", chat.CodeUnsupportedParameter},
		{`"tools": [{"name": "f"}, {"type": "bash_20250124", "name": "bash"}], "tool_choice": {"type": "tool", "name": "bash"}`, "tools[1].type", chat.CodeUnsupportedParameter},
		{`"tool_choice": {"type": "any"}`, "tool_choice", chat.CodeInvalidValue},
		{`"tool_choice": {"type": "tool", "name": "g"}`, "tool_choice.name", chat.CodeInvalidValue},
		{`"thinking": {"type": "wat"}`, "thinking.type", chat.CodeInvalidValue},
		{`"output_config": {"effort": "wat"}`, "output_config.effort", chat.CodeInvalidValue},
		{`"output_config": {"format": {"type": "json_schema"}}`, "output_config.format.schema", chat.CodeMissingParameter},
		{`"container": "x"`, "container", chat.CodeUnsupportedParameter},
		{`"mcp_servers": [{}]`, "mcp_servers", chat.CodeUnsupportedParameter},
	} {
		t.Run(tt.param, func(t *testing.T) {
			_, err := Decode([]byte(withFields(tt.fields)))
			e, ok := errors.AsType[*chat.Error](err)
			if !ok || e.Param != tt.param || e.Code != tt.code {
				t.Errorf("Decode(%s) error = %v, want %s at %s", tt.fields, err, tt.code, tt.param)
			}
		})
	}
	if _, err := DecodeCount([]byte(`{"model": "m", "messages": [{"role": "user", "content": "hi"}]}`)); err != nil {
		t.Errorf("DecodeCount without max_tokens error = %v, want nil", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(withFields(`"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "any"}`))
	f.Add(`{"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "image", "source": {"type": "base64", "data": "AA"}}]}]}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		r, err := Decode([]byte(body))
		if err != nil {
			if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindInvalid {
				t.Fatalf("Decode(%q) error = %v, want a *chat.Error of a wrong request", body, err)
			}
			return
		}
		if len(r.Messages) == 0 || r.Model == "" || r.MaxTokens == nil {
			t.Errorf("Decode(%q) = %+v, want messages, a model and a limit", body, r)
		}
	})
}
