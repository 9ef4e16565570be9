package httpapi

import (
	"net/http"
	"testing"

	"achuan/internal/chat"
)

func TestPanicBeforeTheReply(t *testing.T) {
	s, _, l := serverOf([]step{{panic: "oh my"}})
	rec, aborted := ask(s, request("POST", "/v1/chat/completions", question, "X-Request-Id: mine"))
	if aborted || rec.Code != http.StatusInternalServerError {
		t.Fatalf("status %d, aborted %v; want 500", rec.Code, aborted)
	}
	mustContain(t, "the body", rec.Body.String(), append(fails(chat.CodeInternal), "mine", "!oh my", "!goroutine")...)
	mustContain(t, "the log", l.String(), "level=ERROR", "oh my", "stack=", "fake_test.go", "request_id=mine", "status=500")
	if got := count(t, s, "achuan_panics_total"); got != 1 {
		t.Errorf("%v panics counted, want 1", got)
	}
}

// Half a stream must not look as if it had ended well.
func TestPanicWithinAStream(t *testing.T) {
	s, _, l := serverOf([]step{text("Hel"), pause(), {panic: "oh my"}})
	rec, aborted := ask(s, request("POST", "/v1/chat/completions", with(`"stream":true`)))
	if !aborted {
		t.Error("the connection was not aborted")
	}
	mustContain(t, "the body", rec.Body.String(), "Hel", "!DONE", "!error", "!oh my")
	mustContain(t, "the log", l.String(), "level=ERROR", "oh my", "msg=request", "status=200 ", "code=internal_error")
	if got := count(t, s, "achuan_panics_total"); got != 1 {
		t.Errorf("%v panics counted, want 1", got)
	}
}

func TestAbortPasses(t *testing.T) {
	s, _, l := serverOf(nil)
	aborts := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	h := chain(aborts, s.recoverPanic)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v", v)
		}
		if count(t, s, "achuan_panics_total") != 0 || l.String() != "" {
			t.Errorf("aborting counts as a panic: %s", l)
		}
	}()
	h.ServeHTTP(nil, request("GET", "/", ""))
}
