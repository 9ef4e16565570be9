package httpapi

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// checkClientLeft checks how the server counts and logs the one client that left.
func checkClientLeft(t *testing.T, s *Server, f *fakeChat, l *testLog, unfinished int) {
	t.Helper()
	if got := metricSum(t, s, "achuan_clients_gone_total"); got != 1 {
		t.Errorf("achuan_clients_gone_total = %v, want 1", got)
	}
	if f.unfinished != unfinished {
		t.Errorf("unfinished answers = %d, want %d", f.unfinished, unfinished)
	}
	checkContains(t, "the log", l.String(), "status=499", "!level=WARN", "!level=ERROR", "!code=")
}

func TestClientLeaves(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   string
		script []step
		left   int // answers that end in the background
	}{
		{"while a whole answer comes", question, []step{textStep("a"), waitForClientGone(), textStep("b"), doneStep(someUsage)}, 1},
		{"before a stream's first event", questionWith(`"stream":true`), []step{waitForClientGone(), textStep("a"), doneStep(someUsage)}, 1},
		{"within a stream", questionWith(`"stream":true`), []step{textStep("a"), pauseStep(), waitForClientGone(), textStep("b"), pauseStep(), doneStep(someUsage)}, 1},
		{"and the gateway says so", question, []step{waitForClientGone(), errorStep(context.Canceled)}, 1},
		{"and the platform fails", questionWith(`"stream":true`), []step{waitForClientGone(), errorStep(truncatedError)}, 1},
		{"and the stream falls silent for good", questionWith(`"stream":true`), []step{textStep("a"), pauseStep(), waitForClientGone()}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f, l := newTestServer(c.script)
				conn := listenTo(t, s).dial(t)
				send(t, conn, c.body, streamTarget)
				go func() { _, _ = io.Copy(io.Discard, conn) }()
				time.Sleep(5 * time.Second)
				_ = conn.Close()
				synctest.Wait()
				checkClientLeft(t, s, f, l, c.left)
			})
		})
	}
}

func TestClientLeavesWhileItIsPlaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, l := newTestServer(hello)
		f.place = func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}
		conn := listenTo(t, s).dial(t)
		send(t, conn, question, streamTarget)
		time.Sleep(time.Second)
		_ = conn.Close()
		synctest.Wait()
		checkClientLeft(t, s, f, l, 0)
	})
}

func TestClientLeavesWithinItsBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f, l := newTestServer(hello)
		conn := listenTo(t, s).dial(t)
		if _, err := io.WriteString(conn, streamTarget+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		synctest.Wait()
		checkClientLeft(t, s, f, l, 0)
	})
}

// A client that has only closed its own side must not read an empty 200.
func TestNothingIsWrittenToAClientThatLeft(t *testing.T) {
	s, _, _ := newTestServer([]step{waitForClientGone(), errorStep(truncatedError)})
	conn := dialTCP(t, s)
	send(t, conn, question, streamTarget)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(conn); len(got) > 0 {
		t.Errorf("reply = %q, want nothing", got)
	}
}

// If the program itself ends the context of a request, the client has not left. It gets
// the reason as the answer.
func TestEndedByTheProgram(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s, _, l := newTestServer([]step{textStep("a"), pauseStep(), textStep("b"), doneStep(someUsage)})
	cancel(&chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, Message: "shutting down"})
	rec, aborted := serve(s, request("POST", "/v1/chat/completions", question).WithContext(ctx))
	if aborted || rec.Code != http.StatusServiceUnavailable {
		t.Errorf("status = %d with aborted %v, want 503 with false", rec.Code, aborted)
	}
	checkContains(t, "the log", l.String(), "status=503", "code=shutting_down")
}
