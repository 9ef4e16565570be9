package openai

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/golden"
)

func FuzzDecodeChat(f *testing.F) {
	for _, archive := range golden.Archives(f, "testdata/bad") {
		for i := 0; i < len(archive.Files); i += 2 {
			f.Add([]byte(archive.Files[i].Data))
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
		t.Fatalf("DecodeChat error = %T, want *chat.Error", err)
	case e.Kind != chat.KindInvalid || e.Code == "" || e.Message == "":
		t.Errorf("DecodeChat error = %+v, want KindInvalid with code and message", e)
	case (e.Param == "") != (e.Code == chat.CodeInvalidJSON):
		t.Errorf("Param = %q of %+v, want one unless the code is %s", e.Param, e, chat.CodeInvalidJSON)
	case e.Code != chat.CodeInvalidJSON && !strings.Contains(e.Message, "'"+e.Param+"': "):
		t.Errorf("Message = %q, want '%s' in it", e.Message, e.Param)
	case len(e.Message) > 500 || !utf8.ValidString(e.Message):
		t.Errorf("Message = %q, want at most 500 bytes of UTF-8", e.Message)
	}
}

// checkRequest checks what ChatRequest and chat.Request promise.
func checkRequest(t *testing.T, r *ChatRequest) {
	t.Helper()
	within := func(name string, p *float64, low, high float64) {
		if p != nil && !(*p >= low && *p <= high) {
			t.Errorf("%s = %v, want %v to %v", name, *p, low, high)
		}
	}
	within("temperature", r.Temperature, 0, 2)
	within("presence penalty", r.PresencePenalty, -2, 2)
	within("frequency penalty", r.FrequencyPenalty, -2, 2)
	for _, s := range r.Stop {
		if s == "" {
			t.Errorf("Stop = %q, want no empty string", r.Stop)
		}
	}
	for _, name := range r.Unknown {
		if name != "" && len(name) > 64 || !utf8.ValidString(name) {
			t.Errorf("unknown key = %q, want at most 64 bytes of UTF-8", name)
		}
	}
	switch {
	case r.Model == "":
		t.Error("Model = \"\", want one")
	case r.N < 1 || r.N > 8:
		t.Errorf("N = %d, want 1 to 8", r.N)
	case r.MaxTokens != nil && *r.MaxTokens < 1:
		t.Errorf("MaxTokens = %d, want 1 or more", *r.MaxTokens)
	case len(r.Stop) > 4:
		t.Errorf("Stop = %q, want at most 4", r.Stop)
	case r.IncludeUsage && !r.Streamed:
		t.Error("IncludeUsage = true with Streamed = false, want false")
	case r.SessionID < 0 || r.SessionID > 9999999999999999:
		t.Errorf("SessionID = %d, want at most 16 digits", r.SessionID)
	case len(r.Unknown) > 32:
		t.Errorf("Unknown = %d keys, want at most 32", len(r.Unknown))
	case r.Session != chat.SessionRef{} || r.Caller != chat.Caller{}:
		t.Errorf("Session = %+v, Caller = %+v, want both empty", r.Session, r.Caller)
	}
}

func checkMessages(t *testing.T, r *ChatRequest) {
	t.Helper()
	if len(r.Transcript()) == 0 {
		t.Errorf("Transcript() of %+v is empty, want a message", r.Messages)
	}
	for i, m := range r.Messages {
		switch m.Role {
		case chat.RoleSystem, chat.RoleDeveloper, chat.RoleUser, chat.RoleAssistant, chat.RoleTool:
		default:
			t.Errorf("messages[%d].Role = %q, want a role of chat", i, m.Role)
		}
		if len(m.ToolCalls) > 0 && m.Role != chat.RoleAssistant || m.ToolCallID != "" && m.Role != chat.RoleTool {
			t.Errorf("messages[%d] = %+v, want no fields of another role", i, m)
		}
		if !utf8.ValidString(m.Text) || !utf8.ValidString(m.Name) {
			t.Errorf("messages[%d] = %+q, want UTF-8", i, m.Name+m.Text)
		}
	}
}

// checkAgainstJSON reads some of the same fields with encoding/json.
func checkAgainstJSON(t *testing.T, body []byte, r *ChatRequest) {
	t.Helper()
	var keys map[string]json.RawMessage // as we do, this takes the last of equal keys
	if err := json.Unmarshal(body, &keys); err != nil {
		t.Fatalf("DecodeChat accepts the body, want the error of encoding/json: %v", err)
	}
	var model string
	var messages []map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(keys["model"], &model), json.Unmarshal(keys["messages"], &messages)); err != nil {
		t.Fatal(err)
	}
	if model != r.Model || len(r.Messages) > len(messages) {
		t.Fatalf("DecodeChat = model %q and %d messages, want %q and at most %d", r.Model, len(r.Messages), model, len(messages))
	}
	if len(r.Messages) < len(messages) { // some were parts of one answer
		return
	}
	for i, m := range messages {
		var text string
		if json.Unmarshal(m["content"], &text) == nil && string(m["content"]) != "null" && text != r.Messages[i].Text {
			t.Errorf("messages[%d].Text = %q, want %q", i, r.Messages[i].Text, text)
		}
	}
}
