package openai

import (
	"fmt"
	"strings"
	"testing"

	"achuan/internal/chat"
)

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
				t.Errorf("AppendError() = %s\nwant %s", got, tt.want)
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
		{chat.KindUpgrade, 426, "invalid_request_error"},
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
			t.Errorf("Status(%d) = %d, %s, want %d, %s", tt.kind, status, errorType, tt.status, tt.errorType)
		}
	}
	if len(statuses) != len(tests)-1 {
		t.Errorf("statuses = %d kinds, want the %d that are tested", len(statuses), len(tests)-1)
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
			t.Errorf("%s = %s, want %s", tt.name, tt.got, tt.want)
		}
	}
}

func TestNewID(t *testing.T) {
	if id := NewID(); !strings.HasPrefix(id, "chatcmpl-") || len(id) != len("chatcmpl-")+29 {
		t.Errorf("NewID() = %q, want chatcmpl- and 29 digits", id)
	}
}
