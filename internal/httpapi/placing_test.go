package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

// The wait for headers counts from the request's arrival: placing is a part of it.
func TestPlacingIsPartOfTheHeaderWait(t *testing.T) {
	const sec = time.Second
	quota := &chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota, Message: "used up"}
	for _, c := range []struct {
		name   string
		places time.Duration
		err    error // of placing
		script []step
		want   []moment
		trail  bool // the trailer names the session
	}{
		{"placed at once, silent", 0, nil, []step{waitStep(12 * sec), textStep("a"), doneStep(someUsage)},
			[]moment{{10 * sec, ""}, {12 * sec, "role"}, {12 * sec, "a"}, {12 * sec, "stop"}, {12 * sec, "DONE"}}, false},
		{"placed late, silent", 6 * sec, nil, []step{waitStep(6 * sec), textStep("a"), doneStep(someUsage)},
			[]moment{{10 * sec, ""}, {12 * sec, "role"}, {12 * sec, "a"}, {12 * sec, "stop"}, {12 * sec, "DONE"}}, false},
		{"placed very late", 34 * sec, nil, []step{waitStep(sec), textStep("a"), doneStep(someUsage)},
			[]moment{{10 * sec, ""}, {25 * sec, "keep-alive"}, {35 * sec, "role"}, {35 * sec, "a"}, {35 * sec, "stop"}, {35 * sec, "DONE"}}, true},
		{"not placed in the end", 34 * sec, quota, nil, []moment{{10 * sec, ""}, {25 * sec, "keep-alive"}, {34 * sec, "error"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f, _ := newTestServer(c.script)
				f.place = func(context.Context) error {
					time.Sleep(c.places)
					return c.err
				}
				conn := listenTo(t, s).dial(t)
				start := time.Now()
				send(t, conn, questionWith(`"stream":true`), streamTarget, "Connection: close")
				resp, got, err := readAll(t, conn, start)
				if err != io.EOF || resp.StatusCode != http.StatusOK {
					t.Fatalf("status = %d, %v, want 200, EOF", resp.StatusCode, err)
				}
				if diff := cmp.Diff(c.want, shorten(got)); diff != "" {
					t.Errorf("moments (-want +got):\n%s", diff)
				}
				head, trailer := resp.Header.Get("X-Session-Id"), resp.Trailer.Get("X-Session-Id")
				wantHead, wantTrailer := "4711", ""
				if c.places > 10*sec {
					wantHead = ""
				}
				if c.trail {
					wantTrailer = "4711"
				}
				if head != wantHead || trailer != wantTrailer {
					t.Errorf("x-session-id = %q in the header and %q in the trailer, want %q and %q", head, trailer, wantHead, wantTrailer)
				}
			})
		})
	}
}

// A client that leaves while its request is placed is gone, before and after the headers.
func TestLeavingWhilePlaced(t *testing.T) {
	for _, after := range []time.Duration{5 * time.Second, 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s, f, _ := newTestServer(nil)
			placed := make(chan error, 1)
			f.place = func(ctx context.Context) error {
				<-ctx.Done()
				placed <- ctx.Err()
				return context.Cause(ctx)
			}
			conn := listenTo(t, s).dial(t)
			send(t, conn, questionWith(`"stream":true`), streamTarget)
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			time.Sleep(after)
			_ = conn.Close()
			if err := <-placed; err == nil {
				t.Error("ctx.Err() of the placing = nil, want an error")
			}
			synctest.Wait()
			if gone := metricSum(t, s, "achuan_clients_gone_total"); gone != 1 {
				t.Errorf("clients gone after %v = %v, want 1", after, gone)
			}
		})
	}
}

// A panic while a request is placed is a 500 and counted; after the headers it breaks
// the connection.
func TestPanicWhilePlacing(t *testing.T) {
	for _, c := range []struct {
		body   string
		after  time.Duration
		status int
		err    error
	}{
		{question, time.Second, 500, io.EOF}, {questionWith(`"stream":true`), time.Second, 500, io.EOF},
		{questionWith(`"stream":true`), 12 * time.Second, 200, io.ErrUnexpectedEOF},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, f, _ := newTestServer(nil)
			f.place = func(context.Context) error {
				time.Sleep(c.after)
				panic("oh my")
			}
			conn := listenTo(t, s).dial(t)
			send(t, conn, c.body, streamTarget, "Connection: close")
			resp, _, err := readAll(t, conn, time.Now())
			if resp.StatusCode != c.status || !errors.Is(err, c.err) {
				t.Errorf("status = %d, %v, want %d, %v", resp.StatusCode, err, c.status, c.err)
			}
			synctest.Wait()
			if n := metricSum(t, s, "achuan_panics_total"); n != 1 {
				t.Errorf("achuan_panics_total = %v, want 1", n)
			}
		})
	}
}

// A failure that comes while the headers wait has its own status, whether the placing or the
// answer fails.
func TestLateFailureIsAStatus(t *testing.T) {
	const late = 9 * time.Second
	failToPlace := func(context.Context) error {
		time.Sleep(late)
		return truncatedError
	}
	for name, c := range map[string]struct {
		place  func(context.Context) error
		script []step
	}{
		"of the placing": {failToPlace, nil},
		"of the answer":  {nil, []step{waitStep(late), errorStep(truncatedError)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f, _ := newTestServer(c.script)
				f.place = c.place
				rec, _ := serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
				if rec.Code != http.StatusBadGateway || rec.Header().Get("Content-Type") != "application/json" {
					t.Errorf("status = %d with %s, want 502 with JSON", rec.Code, rec.Header().Get("Content-Type"))
				}
				time.Sleep(time.Minute) // no timer may write any more
				checkContains(t, "the body", rec.Body.String(), append(errorBody(chat.CodeBackendTruncated), "!keep-alive")...)
			})
		})
	}
}
