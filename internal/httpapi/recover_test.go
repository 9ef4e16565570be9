package httpapi

import (
	"net/http"
	"testing"

	"achuan/internal/chat"
)

func TestPanicBeforeTheReply(t *testing.T) {
	s, _, l := newTestServer([]step{{panic: "oh my"}})
	rec, aborted := serve(s, request("POST", "/v1/chat/completions", question, "X-Request-Id: mine"))
	if aborted || rec.Code != http.StatusInternalServerError {
		t.Fatalf("status = %d with aborted %v, want 500 with false", rec.Code, aborted)
	}
	checkContains(t, "the body", rec.Body.String(), append(errorBody(chat.CodeInternal), "mine", "!oh my", "!goroutine")...)
	checkContains(t, "the log", l.String(), "level=ERROR", "oh my", "stack=", "fake_test.go", "request_id=mine", "status=500")
	if got := metricSum(t, s, "achuan_panics_total"); got != 1 {
		t.Errorf("achuan_panics_total = %v, want 1", got)
	}
}

// A client must see that half a stream is not complete.
func TestPanicWithinAStream(t *testing.T) {
	s, _, l := newTestServer([]step{textStep("Hel"), pauseStep(), {panic: "oh my"}})
	rec, aborted := serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
	if !aborted {
		t.Error("aborted = false, want true")
	}
	checkContains(t, "the body", rec.Body.String(), "Hel", "!DONE", "!error", "!oh my")
	checkContains(t, "the log", l.String(), "level=ERROR", "oh my", "msg=request", "status=200 ", "code=internal_error")
	if got := metricSum(t, s, "achuan_panics_total"); got != 1 {
		t.Errorf("achuan_panics_total = %v, want 1", got)
	}
}

func TestAbortPasses(t *testing.T) {
	s, _, l := newTestServer(nil)
	aborts := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	h := chain(aborts, s.recoverPanic)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recover() = %v, want %v", v, http.ErrAbortHandler)
		}
		if n := metricSum(t, s, "achuan_panics_total"); n != 0 || l.String() != "" {
			t.Errorf("achuan_panics_total = %v with the log %q, want 0 with none", n, l)
		}
	}()
	h.ServeHTTP(nil, request("GET", "/", ""))
}
