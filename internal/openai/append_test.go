package openai

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"achuan/internal/chat"
)

func TestAppendJSONString(t *testing.T) {
	tests := []struct{ name, give, want string }{
		{"empty", "", `""`},
		{"plain", "Hello, <b>&</b> 你好 😀", `"Hello, <b>&</b> 你好 😀"`},
		{"quote and backslash", `"\`, `"\"\\"`},
		{"named control characters", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"other control characters", "\x00\x1b\x1f\x7f", "\"\\u0000\\u001b\\u001f\x7f\""},
		{"line separators", "a\u2028b\u2029c", `"a\u2028b\u2029c"`},
		{"invalid UTF-8", "a\xffb\xe4\xbd", "\"a\ufffdb\ufffd\ufffd\""},
		{"replacement character itself", "a\ufffdb", "\"a\ufffdb\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(appendJSONString([]byte("x"), tt.give)); got != "x"+tt.want {
				t.Errorf("got %s, want x%s", got, tt.want)
			}
		})
	}
}

func FuzzAppendJSONString(f *testing.F) {
	for _, seed := range []string{"", "a\"b\\c\n", "你\xe4\xbd", "\u2028\u2029\x00\x7f", "\xed\xa0\x80", "😀\xf0\x9f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := appendJSONString(nil, s)
		var got string
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("%q written as %s: %v", s, written, err)
		}
		if want := string([]rune(s)); got != want { // every wrong byte is a U+FFFD
			t.Errorf("%q written as %s, read as %q", s, written, got)
		}
		if strings.ContainsAny(string(written), "\n\r\u2028\u2029") {
			t.Errorf("%q written over lines: %q", s, written)
		}
		if back := value(written).text(); back != got {
			t.Errorf("%s: we read %q, encoding/json %q", written, back, got)
		}
	})
}

func TestAppendError(t *testing.T) {
	tests := []struct {
		name string
		give *chat.Error
		want string
	}{
		{"all public parts", chat.Invalid(chat.CodeInvalidType, "messages[0].content", `got "x"`),
			`{"error":{"message":"got \"x\".","type":"invalid_request_error","param":"messages[0].content","code":"invalid_type"}}`},
		{"nothing but a kind", &chat.Error{},
			`{"error":{"message":"","type":"internal_error","param":null,"code":null}}`},
		{"no cause", chat.AsError(fmt.Errorf("secret")),
			`{"error":{"message":"Internal error. The request id identifies it in the server's log.","type":"internal_error","param":null,"code":"internal_error"}}`},
		{"a code that the backend chose", &chat.Error{Kind: chat.KindQuota, Code: `a"b`, Message: "used up"},
			`{"error":{"message":"used up.","type":"insufficient_quota","param":null,"code":"a\"b"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendError(nil, tt.give)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	tests := []struct {
		kind      chat.Kind
		status    int
		errorType string
	}{
		{chat.KindInternal, 500, "internal_error"},
		{chat.KindInvalid, 400, "invalid_request_error"},
		{chat.KindAuthentication, 401, "authentication_error"},
		{chat.KindPermission, 403, "invalid_request_error"},
		{chat.KindNotFound, 404, "invalid_request_error"},
		{chat.KindMethod, 405, "invalid_request_error"},
		{chat.KindConflict, 409, "conflict_error"},
		{chat.KindTooLarge, 413, "invalid_request_error"},
		{chat.KindMediaType, 415, "invalid_request_error"},
		{chat.KindUnprocessable, 422, "invalid_request_error"},
		{chat.KindRateLimit, 429, "rate_limit_error"},
		{chat.KindQuota, 402, "insufficient_quota"},
		{chat.KindBackend, 502, "backend_error"},
		{chat.KindUnavailable, 503, "backend_error"},
		{chat.KindTimeout, 504, "backend_error"},
		{200, 500, "internal_error"},
	}
	for _, tt := range tests {
		if status, errorType := Status(tt.kind); status != tt.status || errorType != tt.errorType {
			t.Errorf("kind %d: %d %s, want %d %s", tt.kind, status, errorType, tt.status, tt.errorType)
		}
	}
	if len(statuses) != len(tests)-1 {
		t.Errorf("%d kinds in the table, %d tested", len(statuses), len(tests)-1)
	}
}

func TestAppendModels(t *testing.T) {
	a := `{"id":"a\"1","object":"model","created":1735689600,"owned_by":"achuan"}`
	b := `{"id":"b","object":"model","created":1735689600,"owned_by":"achuan"}`
	models := []chat.Model{{ID: `a"1`, Label: "A"}, {ID: "b"}}
	tests := []struct{ name, got, want string }{
		{"one", string(AppendModel(nil, models[0])), a},
		{"list", string(AppendModels(nil, models)), `{"object":"list","data":[` + a + "," + b + `]}`},
		{"none", string(AppendModels(nil, nil)), `{"object":"list","data":[]}`},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	digits := map[rune]int{}
	for range 2000 {
		id := NewID()
		rest, ok := strings.CutPrefix(id, "chatcmpl-")
		if !ok || len(rest) != 29 || strings.Trim(rest, base62) != "" || seen[id] {
			t.Fatalf("bad id %q, seen before: %v", id, seen[id])
		}
		seen[id] = true
		for _, r := range rest {
			digits[r]++
		}
	}
	// 58,000 digits are 935 of each, with a standard deviation of 30.
	for _, r := range base62 {
		if n := digits[r]; n < 700 || n > 1200 {
			t.Errorf("digit %c came %d times", r, n)
		}
	}
}
