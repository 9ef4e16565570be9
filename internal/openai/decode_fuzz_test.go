package openai

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"

	"achuan/internal/chat"
)

func FuzzDecodeChat(f *testing.F) {
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add(archive.Files[i].Data)
		}
	}
	f.Add([]byte(withParameters(`"stream": true, "stream_options": {"include_usage": true}, "stop": ["a"], "n": 2, "metadata": {"sessionId": "5"}, "x": {}`)))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[` + parts(3) + `]},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{"a":[]}}}]},{"role":"tool","tool_call_id":"a","content":"\ud83d\ude00"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeChat(body)
		if err != nil {
			checkError(t, err)
			return
		}
		checkRequest(t, r)
		checkMessages(t, r)
		checkAgainstJSON(t, body, r)
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*chat.Error](err)
	switch {
	case !ok:
		t.Fatalf("%T is no *chat.Error", err)
	case e.Kind != chat.KindInvalid || e.Code == "" || e.Message == "":
		t.Errorf("incomplete error %+v", e)
	case (e.Param == "") != (e.Code == chat.CodeInvalidJSON):
		t.Errorf("param %q of %+v", e.Param, e)
	case e.Code != chat.CodeInvalidJSON && !strings.Contains(e.Message, "'"+e.Param+"': "):
		t.Errorf("message does not name %q: %+v", e.Param, e)
	case len(e.Message) > 500 || !utf8.ValidString(e.Message):
		t.Errorf("message %q", e.Message)
	}
}

// checkRequest checks what ChatRequest and chat.Request promise.
func checkRequest(t *testing.T, r *ChatRequest) {
	t.Helper()
	within := func(name string, p *float64, low, high float64) {
		if p != nil && !(*p >= low && *p <= high) {
			t.Errorf("%s is %v", name, *p)
		}
	}
	within("temperature", r.Temperature, 0, 2)
	within("presence penalty", r.PresencePenalty, -2, 2)
	within("frequency penalty", r.FrequencyPenalty, -2, 2)
	for _, s := range r.Stop {
		if s == "" {
			t.Error("an empty stop")
		}
	}
	for _, name := range r.Unknown {
		if name != "" && len(name) > 64 || !utf8.ValidString(name) {
			t.Errorf("unknown %q", name)
		}
	}
	switch {
	case r.Model == "":
		t.Error("no model")
	case r.N < 1 || r.N > 8:
		t.Errorf("n is %d", r.N)
	case r.MaxTokens != nil && *r.MaxTokens < 1:
		t.Errorf("max tokens is %d", *r.MaxTokens)
	case len(r.Stop) > 4:
		t.Errorf("%d stops", len(r.Stop))
	case r.IncludeUsage && !r.Streamed:
		t.Error("usage in a stream that is none")
	case r.MetadataSession < 0 || r.MetadataSession > 9999999999999999:
		t.Errorf("session %d", r.MetadataSession)
	case len(r.Unknown) > 32:
		t.Errorf("%d unknown", len(r.Unknown))
	case r.Session != chat.SessionRef{} || r.Caller != chat.Caller{}:
		t.Error("session or caller filled")
	}
}

func checkMessages(t *testing.T, r *ChatRequest) {
	t.Helper()
	if len(r.Transcript()) == 0 {
		t.Error("no message but instructions")
	}
	for i, m := range r.Messages {
		switch m.Role {
		case chat.RoleSystem, chat.RoleDeveloper, chat.RoleUser, chat.RoleAssistant, chat.RoleTool:
		default:
			t.Errorf("message %d has role %q", i, m.Role)
		}
		if len(m.ToolCalls) > 0 && m.Role != chat.RoleAssistant || m.ToolCallID != "" && m.Role != chat.RoleTool {
			t.Errorf("message %d has what belongs to another role: %+v", i, m)
		}
		if !utf8.ValidString(m.Text) || !utf8.ValidString(m.Name) {
			t.Errorf("message %d is not UTF-8", i)
		}
	}
}

// checkAgainstJSON reads some of the same fields with encoding/json.
func checkAgainstJSON(t *testing.T, body []byte, r *ChatRequest) {
	t.Helper()
	var keys map[string]json.RawMessage // as we do, this takes the last of equal keys
	if err := json.Unmarshal(body, &keys); err != nil {
		t.Fatalf("accepted what encoding/json does not: %v", err)
	}
	var model string
	var messages []map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(keys["model"], &model), json.Unmarshal(keys["messages"], &messages)); err != nil {
		t.Fatal(err)
	}
	if model != r.Model || len(r.Messages) > len(messages) {
		t.Fatalf("model %q and %d messages, want %q and %d", r.Model, len(r.Messages), model, len(messages))
	}
	if len(r.Messages) < len(messages) { // some were halves of one answer
		return
	}
	for i, m := range messages {
		var text string
		if json.Unmarshal(m["content"], &text) == nil && string(m["content"]) != "null" && text != r.Messages[i].Text {
			t.Errorf("message %d is %q, want %q", i, r.Messages[i].Text, text)
		}
	}
}
