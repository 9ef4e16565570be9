package ollama

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/golden"
)

func mustDecode(t *testing.T, body string) *Request {
	t.Helper()
	r, err := DecodeChat([]byte(body))
	if err != nil {
		t.Fatalf("DecodeChat(%s) error = %v", body, err)
	}
	return r
}

func withFields(fields string) string {
	body := `{"model": "m:latest", "messages": [{"role": "user", "content": "hi"}]`
	if fields != "" {
		body += ", " + fields
	}
	return body + "}"
}

func TestDecodeMessages(t *testing.T) {
	user := func(text string) chat.Message { return chat.Message{Role: chat.RoleUser, Text: text} }
	result := func(name, text string) chat.Message { return chat.Message{Role: chat.RoleTool, Name: name, Text: text} }
	for _, tt := range []struct {
		name, messages string
		want           []chat.Message
	}{
		{"plain", `{"role": "system", "content": "s"}, {"role": "user", "content": "q"}`, []chat.Message{{Role: chat.RoleSystem, Text: "s"}, user("q")}},
		{"results in another order", `{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "g", "arguments": "{}"}}, {"function": {"name": "f", "arguments": {"a": 2}}}]}, {"role": "tool", "tool_name": "g", "content": "rg"}, {"role": "tool", "tool_name": "f", "content": "r1"}, {"role": "tool", "tool_name": "f", "content": "r2"}, {"role": "user", "content": "q2"}`,
			[]chat.Message{
				user("q"),
				{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{Name: "f", Arguments: `{"a": 1}`}, {Name: "g", Arguments: `{}`}, {Name: "f", Arguments: `{"a": 2}`}}},
				result("f", "r1"), result("g", "rg"), result("f", "r2"), user("q2"),
			}},
		{"results without names", `{"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {}}}, {"function": {"name": "g", "arguments": {}}}]}, {"role": "tool", "content": "1"}, {"role": "tool", "content": "2"}`,
			[]chat.Message{
				{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{Name: "f", Arguments: `{}`}, {Name: "g", Arguments: `{}`}}},
				result("f", "1"), result("g", "2"),
			}},
		{"pictures", `{"role": "user", "content": "see", "images": ["AAAA", "data:image/png;base64,BBBB"]}`, []chat.Message{{Role: chat.RoleUser, Text: "see", Files: []chat.File{
			{Offset: 3, Source: &chat.FileSource{Base64: []byte("AAAA"), Name: "image", IsPicture: true, Path: "messages[0].images[0]"}},
			{Offset: 3, Source: &chat.FileSource{Base64: []byte("BBBB"), Type: "image/png", Name: "image", IsPicture: true, Path: "messages[0].images[1]"}},
		}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := mustDecode(t, `{"model": "m", "messages": [`+tt.messages+`]}`)
			if diff := cmp.Diff(tt.want, got.Messages); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeParameters(t *testing.T) {
	r := mustDecode(t, withFields(`"stream": false, "think": "low", "format": {"type": "object"}, "keep_alive": "5m",
		"options": {"temperature": 0.5, "num_predict": 7, "stop": "x", "num_ctx": 4096, "seed": 1},
		"tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}]`))
	if r.Model != "m" || r.model != "m:latest" || r.Streamed || r.ReasoningEffort != "low" || string(r.Format.Schema) != `{"type": "object"}` ||
		*r.Temperature != 0.5 || *r.MaxTokens != 7 || r.Stop[0] != "x" || len(r.Tools) != 1 || !r.CallsWithoutIDs {
		t.Errorf("DecodeChat = %+v", r)
	}
	if r := mustDecode(t, withFields(`"options": {"num_predict": -1}, "think": false`)); !r.Streamed || r.MaxTokens != nil || !r.hidesThinking {
		t.Errorf("DecodeChat = %+v, want a stream without limits and thinking", r)
	}
	if r := mustDecode(t, `{"model": "m", "keep_alive": 0}`); !r.IsLoad || !strings.Contains(string(r.AppendLoaded(nil)), `"done_reason":"unload"`) {
		t.Errorf("DecodeChat of an unload = %+v", r)
	}
	g, err := DecodeGenerate([]byte(`{"model": "m", "prompt": "q", "system": "s", "images": ["AAAA"], "context": [], "raw": false, "suffix": ""}`))
	if err != nil || len(g.Messages) != 2 || g.Messages[1].Text != "q" || len(g.Messages[1].Files) != 1 || g.Messages[1].Files[0].Offset != 1 {
		t.Errorf("DecodeGenerate = %+v, %v", g, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tt := range []struct {
		generates     bool
		fields, param string
		code          chat.Code
	}{
		{false, `"model": ""`, "model", chat.CodeInvalidValue},
		{false, `"messages": [{"role": "wat"}]`, "messages[0].role", chat.CodeInvalidValue},
		{false, `"messages": [{"role": "system", "content": "s"}]`, "messages", chat.CodeInvalidValue},
		{false, `"messages": [{"role": "user", "images": [1]}]`, "messages[0].images[0]", chat.CodeInvalidType},
		{false, `"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]`, "messages[0].tool_calls[0].function.name", chat.CodeMissingParameter},
		{false, `"tools": [{"function": {"name": "a b"}}]`, "tools[0].function.name", chat.CodeInvalidValue},
		{false, `"format": "xml"`, "format", chat.CodeInvalidValue},
		{false, `"think": "max"`, "think", chat.CodeInvalidValue},
		{false, `"options": {"temperature": 5}`, "options.temperature", chat.CodeInvalidValue},
		{false, `"logprobs": true`, "logprobs", chat.CodeUnsupportedParameter},
		{true, `"context": [1]`, "context", chat.CodeUnsupportedParameter},
		{true, `"suffix": "x"`, "suffix", chat.CodeUnsupportedParameter},
		{true, `"template": "x"`, "template", chat.CodeUnsupportedParameter},
		{true, `"raw": true`, "raw", chat.CodeUnsupportedParameter},
	} {
		t.Run(tt.param, func(t *testing.T) {
			_, err := decode([]byte(withFields(tt.fields)), tableOf(tt.generates), tt.generates)
			e, ok := errors.AsType[*chat.Error](err)
			if !ok || e.Param != tt.param || e.Code != tt.code {
				t.Errorf("decode(%s) error = %v, want %s at %s", tt.fields, err, tt.code, tt.param)
			}
		})
	}
}

var events = []chat.Event{
	{Kind: chat.EventReasoning, Text: "Hm."},
	{Kind: chat.EventText, Text: "Hello"},
	{Kind: chat.EventPause},
	{Kind: chat.EventText, Text: " \"you\""},
	{Kind: chat.EventToolCall, Call: 0, CallID: "call_a_0", CallName: "f", Text: "{\n\"path\": "},
	{Kind: chat.EventToolCall, Call: 0, Text: `"a"}`},
	{Kind: chat.EventDone, Finish: chat.FinishTools, Usage: chat.Usage{PromptTokens: 20, CompletionTokens: 7}},
}

var (
	times     = regexp.MustCompile(`"created_at":"[^"]+"`)
	durations = regexp.MustCompile(`_duration":[1-9]\d*`)
)

func TestAnswers(t *testing.T) {
	stable := func(b []byte) string {
		return durations.ReplaceAllString(times.ReplaceAllString(string(b), `"created_at":"TIME"`), `_duration":NS`)
	}
	r := mustDecode(t, withFields(""))
	w, s := newWhole(time.Now(), r), newStream(time.Now(), r)
	var streamed []byte
	for _, ev := range events {
		// A call is complete at once, so it comes with the end of the answer.
		if before := string(streamed); strings.Contains(before, "tool_calls") || strings.Contains(before, `"done":true`) {
			t.Errorf("stream before %+v = %s, want neither calls nor an end", ev, before)
		}
		streamed = s.Append(streamed, ev)
		w.Add(ev)
	}
	golden.CheckFile(t, "testdata/stream.txt", stable(s.AppendEnd(streamed)))
	golden.CheckFile(t, "testdata/whole.json", stable(w.Append(nil))+"\n")
	g, err := DecodeGenerate([]byte(`{"model": "m", "prompt": "q"}`))
	if err != nil {
		t.Fatal(err)
	}
	w = newWhole(time.Now(), g)
	for _, ev := range events {
		w.Add(ev)
	}
	golden.CheckFile(t, "testdata/generate.json", stable(w.Append(nil))+"\n")
}

func TestIncompleteAnswers(t *testing.T) {
	r := mustDecode(t, withFields(""))
	s, w := newStream(time.Now(), r), newWhole(time.Now(), r)
	w.Add(events[1])
	for form, got := range map[string]string{"stream": string(s.AppendEnd(s.Append(nil, events[1]))), "whole": string(w.Append(nil))} {
		if !strings.Contains(got, `{"error":"Internal error`) || strings.Contains(got, `"done":true`) {
			t.Errorf("%s = %s, want an error", form, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(withFields(`"tools": [{"function": {"name": "f"}}]`), false)
	f.Add(`{"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, {"role": "tool", "content": ""}]}`, false)
	f.Add(`{"model": "m", "prompt": "q", "images": ["AA"]}`, true)
	f.Fuzz(func(t *testing.T, body string, generates bool) {
		decode := DecodeChat
		if generates {
			decode = DecodeGenerate
		}
		r, err := decode([]byte(body))
		if err != nil {
			if e, ok := errors.AsType[*chat.Error](err); !ok || e.Kind != chat.KindInvalid {
				t.Fatalf("decode(%q) error = %v, want a *chat.Error of a wrong request", body, err)
			}
			return
		}
		if r.IsLoad != (len(r.Messages) == 0) || r.Model == "" && r.model == "" {
			t.Errorf("decode(%q) = %+v, want messages or a load, and a model", body, r)
		}
	})
}

func tableOf(generates bool) *dialect.Table[*decoder] {
	if generates {
		return generateTable
	}
	return chatTable
}
