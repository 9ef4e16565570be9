package gemini

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/golden"
)

func mustDecode(t *testing.T, body string) *Request {
	t.Helper()
	r, err := Decode([]byte(body))
	if err != nil {
		t.Fatalf("Decode(%s) error = %v", body, err)
	}
	r.Model = "m"
	return r
}

func withFields(fields string) string {
	body := `{"contents": [{"role": "user", "parts": [{"text": "hi"}]}]`
	if fields != "" {
		body += ", " + fields
	}
	return body + "}"
}

func TestDecodeContents(t *testing.T) {
	user := func(text string) chat.Message { return chat.Message{Role: chat.RoleUser, Text: text} }
	for _, tt := range []struct {
		name, fields string
		want         []chat.Message
	}{
		{"a lone text", `"contents": "hi"`, []chat.Message{user("hi")}},
		{"no role", `"contents": [{"parts": [{"text": "a"}, {"text": "b"}]}]`, []chat.Message{user("a\nb")}},
		{"instructions", `"system_instruction": {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}`,
			[]chat.Message{{Role: chat.RoleSystem, Text: "a\nb"}, user("hi")}},
		{"an answer in contents", `"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "hm", "thought": true}]}, {"role": "model", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}, {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "skip_thought_signature_validator"}]}, {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {"output": "r"}}}, {"text": "go on"}]}]`,
			[]chat.Message{
				user("q"),
				{Role: chat.RoleAssistant, Text: "ab", ToolCalls: []chat.ToolCall{{ID: "c1", Name: "f", Arguments: `{"a": 1}`}}},
				{Role: chat.RoleTool, ToolCallID: "c1", Name: "f", Text: "r"}, user("go on"),
			}},
		{"calls without ids", `"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f"}}, {"functionCall": {"name": "g"}}, {"functionCall": {"name": "f"}}]}, {"role": "function", "parts": [{"functionResponse": {"name": "g", "response": {"error": "no"}}}, {"functionResponse": {"name": "f", "response": {"a": 1, "b": 2}}}, {"functionResponse": {"name": "f", "response": {"result": [1]}}}]}]`,
			[]chat.Message{
				{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "call_0", Name: "f", Arguments: "{}"}, {ID: "call_1", Name: "g", Arguments: "{}"}, {ID: "call_2", Name: "f", Arguments: "{}"}}},
				{Role: chat.RoleTool, ToolCallID: "call_1", Name: "g", Text: "no", IsError: true},
				{Role: chat.RoleTool, ToolCallID: "call_0", Name: "f", Text: `{"a": 1, "b": 2}`},
				{Role: chat.RoleTool, ToolCallID: "call_2", Name: "f", Text: "[1]"},
			}},
		{"a picture", `"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": "AAAA"}}, {"text": "q"}]}]`,
			[]chat.Message{{Role: chat.RoleUser, Text: "q", Files: []chat.File{{Source: &chat.FileSource{
				Base64: []byte("AAAA"), Type: "image/png", Name: "image", IsPicture: true, Path: "contents[0].parts[0].inlineData.data",
			}}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, mustDecode(t, withFields(tt.fields)).Messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeConfig(t *testing.T) {
	r := mustDecode(t, withFields(`"tools": [{"functionDeclarations": [{"name": "fs.read", "description": "d", "parameters": {"type": "OBJECT", "properties": {"type": {"type": "STRING", "nullable": true, "enum": ["STRING"]}}}}]}, {"googleSearch": {}}],
		"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["fs.read"]}},
		"generationConfig": {"temperature": 0.5, "maxOutputTokens": 7, "stopSequences": ["x"], "candidateCount": 2, "thinkingConfig": {"thinkingBudget": 100, "includeThoughts": false}, "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}, "topK": 3}`))
	want := []chat.Tool{{
		Name: "fs_read_4074bc02", Description: "d", Path: "tools[0].functionDeclarations[0].parameters",
		Parameters: []byte(`{"properties":{"type":{"enum":["STRING"],"type":["string","null"]}},"type":"object"}`),
	}}
	if diff := cmp.Diff(want, r.Tools); diff != "" {
		t.Errorf("tools (-want +got):\n%s", diff)
	}
	if r.ToolChoice.Mode != chat.ToolsRequired || len(r.ToolChoice.Allowed) != 1 || *r.Temperature != 0.5 || *r.MaxTokens != 7 || r.Stop[0] != "x" ||
		r.N != 2 || r.ReasoningEffort != "low" || !r.hidesThoughts || string(r.Format.Schema) != `{"type":"object"}` || r.Unknown[0] != "tools[].googleSearch" {
		t.Errorf("Decode = %+v", r)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		fields, param string
		code          chat.Code
	}{
		{`"contents": []`, "contents", chat.CodeInvalidValue},
		{`"contents": [{"role": "system", "parts": []}]`, "contents[0].role", chat.CodeInvalidValue},
		{`"contents": [{"parts": [{}]}]`, "contents[0].parts[0]", chat.CodeInvalidValue},
		{`"contents": [{"parts": [{"fileData": {"fileUri": "gs://x"}}]}]`, "contents[0].parts[0].fileData", chat.CodeUnsupportedParameter},
		{`"contents": [{"parts": [{"inlineData": {}}]}]`, "contents[0].parts[0].inlineData.data", chat.CodeMissingParameter},
		{`"tools": [{"functionDeclarations": [{"name": "a b"}]}]`, "tools[0].functionDeclarations[0].name", chat.CodeInvalidValue},
		{`"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}`, "toolConfig.functionCallingConfig.mode", chat.CodeInvalidValue},
		{`"generationConfig": {"temperature": 3}`, "generationConfig.temperature", chat.CodeInvalidValue},
		{`"generationConfig": {"responseMimeType": "text/x.enum"}`, "generationConfig.responseMimeType", chat.CodeUnsupportedParameter},
		{`"generationConfig": {"responseModalities": ["AUDIO"]}`, "generationConfig.responseModalities[0]", chat.CodeUnsupportedParameter},
		{`"generationConfig": {"responseLogprobs": true}`, "generationConfig.responseLogprobs", chat.CodeUnsupportedParameter},
		{`"cachedContent": "x"`, "cachedContent", chat.CodeUnsupportedParameter},
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

var answer = []chat.Event{
	{Kind: chat.EventReasoning, Text: "Hm."},
	{Kind: chat.EventText, Text: "Hello"},
	{Kind: chat.EventPause},
	{Kind: chat.EventText, Text: " \"you\""},
	{Kind: chat.EventToolCall, Call: 0, CallID: "call_a_0", CallName: "f", Text: "{\n\"path\": "},
	{Kind: chat.EventToolCall, Call: 0, Text: `"a"}`},
	{Kind: chat.EventToolCall, Call: 1, CallID: "call_a_1", CallName: "g"},
	{
		Kind: chat.EventDone, Finish: chat.FinishTools,
		Usage: chat.Usage{PromptTokens: 20, CompletionTokens: 7, ReasoningTokens: 3},
	},
}

func TestAnswers(t *testing.T) {
	w := newWhole("id", mustDecode(t, withFields("")))
	for _, ev := range answer {
		w.Add(ev)
	}
	golden.CheckFile(t, "testdata/whole.json", string(w.Append(nil))+"\n")
	for file, isArray := range map[string]bool{"testdata/stream.txt": false, "testdata/array.json": true} {
		r := mustDecode(t, withFields(""))
		r.isArray = isArray
		s := newStream("id", r)
		var streamed []byte
		for _, ev := range answer {
			// A call is complete at once, so it comes with the end of the answer.
			if before := string(streamed); strings.Contains(before, "functionCall") || strings.Contains(before, "finishReason") {
				t.Errorf("stream before %+v = %s, want neither calls nor an end", ev, before)
			}
			streamed = s.Append(streamed, ev)
		}
		golden.CheckFile(t, file, strings.ReplaceAll(string(s.AppendEnd(streamed)), "\r", ""))
	}
}

func TestIncompleteAnswers(t *testing.T) {
	for _, isArray := range []bool{false, true} {
		r := mustDecode(t, withFields(""))
		r.isArray = isArray
		s, w := newStream("id", r), newWhole("id", r)
		w.Add(answer[1])
		for form, got := range map[string]string{"stream": string(s.AppendEnd(s.Append(nil, answer[1]))), "whole": string(w.Append(nil))} {
			if !strings.Contains(got, `"status":"INTERNAL"`) || strings.Contains(got, "finishReason") {
				t.Errorf("%s = %s, want an error", form, got)
			}
		}
	}
}

func TestModelsOfAFamily(t *testing.T) {
	models := []chat.Model{{ID: "gpt-5.1-high"}, {ID: "gemini-3-pro-preview"}, {ID: "gemini-3-pro-preview-image"}}
	body := string(AppendModels(nil, models))
	if !strings.Contains(body, `"name":"models/gemini-3-pro-preview"`) {
		t.Errorf("AppendModels = %s", body)
	}
	for name, want := range map[string]string{
		"gemini-3.1-pro-preview": "gemini-3-pro-preview", "gemini-3.1-pro-image": "gemini-3-pro-preview-image", "gpt-5.1-high": "gpt-5.1-high",
		"gemini-2.5-flash": "gemini-2.5-flash", "gpt-pro": "gpt-pro",
	} {
		d := Gemini{Models: func(context.Context) []chat.Model { return models }}
		if got := d.servedModel(t.Context(), name); got != want {
			t.Errorf("servedModel(%s) = %s, want %s", name, got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(withFields(`"tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}]`))
	f.Add(withFields(`"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f"}}]}, {"parts": [{"functionResponse": {"name": "f", "response": {}}}]}]`))
	f.Fuzz(func(t *testing.T, body string) {
		r, err := Decode([]byte(body))
		if err != nil {
			if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindInvalid {
				t.Fatalf("Decode(%q) error = %v, want a *chat.Error of a wrong request", body, err)
			}
			return
		}
		if len(r.Messages) == 0 || r.N < 1 {
			t.Errorf("Decode(%q) = %+v, want messages", body, r)
		}
	})
}
