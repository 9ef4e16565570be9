package httpapi

import (
	"net/http"
	"testing"

	"achuan/internal/chat"
)

func TestKeyless(t *testing.T) {
	s, f, l := newTestServer(hello)
	rec, _ := serve(s, request("POST", "/v1/chat/completions", question, "Authorization: Bearer whatever"))
	if caller := f.onlyRequest(t).Caller; rec.Code != http.StatusOK || caller != chat.Anonymous {
		t.Errorf("status = %d with caller %+v, want 200 with the anonymous one", rec.Code, caller)
	}
	checkContains(t, "the log", l.String(), "caller=anonymous", "!whatever")
}

func TestAuthenticate(t *testing.T) {
	for _, c := range []struct {
		name    string
		headers []string
		status  int
		code    chat.Code
		caller  string
	}{
		{"bearer", []string{"Authorization: " + aliceKey}, 200, "", "alice"},
		{"x-api-key", []string{"X-Api-Key: sk-bob-0123456789"}, 200, "", "bob"},
		{"api-key", []string{"Api-Key: sk-bob-0123456789"}, 200, "", "bob"},
		{"none", nil, 401, chat.CodeMissingAPIKey, ""},
		{"wrong", []string{"Authorization: Bearer sk-mallory-012345"}, 401, chat.CodeInvalidAPIKey, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f, l := newTestServer(hello, withKeys)
			rec, _ := serve(s, request("POST", "/v1/chat/completions", question, c.headers...))
			if rec.Code != c.status {
				t.Fatalf("status = %d, want %d", rec.Code, c.status)
			}
			if c.code != "" {
				checkContains(t, "the body", rec.Body.String(), errorBody(c.code)...)
				checkContains(t, "the log", l.String(), "!caller=", "!mallory", "code="+string(c.code))
				if rec.Header().Get("WWW-Authenticate") == "" || len(f.requests) > 0 {
					t.Errorf("WWW-Authenticate = %q with %d requests at the gateway, want a value with none", rec.Header().Get("WWW-Authenticate"), len(f.requests))
				}
				return
			}
			if caller := f.onlyRequest(t).Caller; caller.Name != c.caller || len(caller.ID) != 64 {
				t.Errorf("caller = %+v, want %s", caller, c.caller)
			}
			checkContains(t, "the log", l.String(), "caller="+c.caller, "!sk-")
		})
	}
}
