package httpapi

import (
	"net/http"
	"testing"
	"unicode/utf8"

	"achuan/internal/chat"
)

// Replies are valid UTF-8, whatever bytes a client puts into a path.
func TestRepliesAreUTF8(t *testing.T) {
	s, _, _ := newTestServer([]step{textStep("a\xffb\xed\xa0\x80"), doneStep(someUsage)})
	for _, r := range []*http.Request{
		request("GET", "/v1/%ff%fe", ""), request("GET", "/v1/models/%ff", ""), request("GET", "/v1/models", "", "X-Session-Id: \xff"),
		request("GET", "/v1/models", "", "Host: \xff.example"), request("POST", "/v1/chat/completions", question),
		request("POST", "/v1/chat/completions", questionWith(`"stream":true`)),
	} {
		rec, _ := serve(s, r)
		if !utf8.Valid(rec.Body.Bytes()) {
			t.Errorf("body of %s %q = %q, want UTF-8", r.Method, r.URL.EscapedPath(), rec.Body)
		}
	}
}

// The header says that a repeat cannot fix an error. For other errors the status decides.
func TestShouldRetry(t *testing.T) {
	for _, c := range []struct {
		kind   chat.Kind
		codes  []chat.Code
		status int
		want   string
	}{
		{chat.KindInvalid, []chat.Code{chat.CodeInvalidValue, chat.CodeContextLengthExceeded, chat.CodeModelNotFound}, 400, "false"},
		{chat.KindQuota, []chat.Code{chat.CodeInsufficientQuota}, 402, "false"},
		{chat.KindNotFound, []chat.Code{chat.CodeSessionNotFound}, 404, "false"},
		{chat.KindTooLarge, []chat.Code{chat.CodeRequestTooLarge}, 413, "false"},
		{chat.KindUnprocessable, []chat.Code{
			chat.CodeIdempotencyMismatch, chat.CodeInvalidToolCall, chat.CodeInvalidModelOutput,
		}, 422, "false"},
		{chat.KindBackend, []chat.Code{chat.CodeBackendAuth}, 502, "false"},
		{chat.KindConflict, []chat.Code{chat.CodeSessionBusy}, 409, ""},
		{chat.KindRateLimit, []chat.Code{chat.CodeRateLimitExceeded}, 429, ""},
		{chat.KindInternal, []chat.Code{chat.CodeInternal}, 500, ""},
		{chat.KindBackend, []chat.Code{chat.CodeBackendTruncated}, 502, ""},
		{chat.KindUnavailable, []chat.Code{chat.CodeStoreUnavailable}, 503, ""},
		{chat.KindTimeout, []chat.Code{chat.CodeBackendTimeout}, 504, ""},
	} {
		for _, code := range c.codes {
			s, _, _ := newTestServer([]step{errorStep(&chat.Error{Kind: c.kind, Code: code})})
			rec, _ := serve(s, request("POST", "/v1/chat/completions", question))
			if got := rec.Header().Get("X-Should-Retry"); rec.Code != c.status || got != c.want {
				t.Errorf("%s: status = %d with x-should-retry %q, want %d with %q", code, rec.Code, got, c.status, c.want)
			}
		}
	}
}
