package httpapi

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The server drops a reader that stalls when a write has waited for WriteTimeout. The rest
// of its answer runs in the background.
func TestStalledReader(t *testing.T) {
	big := strings.Repeat("x", 1<<20)
	stream := questionWith(`"stream":true`)
	for _, c := range []struct {
		name   string
		body   string
		script []step
		after  time.Duration // from the last byte that was read to the end
		left   int
	}{
		{"of text", stream, []step{textStep("a"), pauseStep(), textStep("b"), pauseStep(), textStep("c"), pauseStep(), doneStep(someUsage)}, 30 * time.Second, 1},
		{"of a big piece", stream, []step{textStep("a"), pauseStep(), textStep(big), pauseStep(), doneStep(someUsage)}, 30 * time.Second, 1},
		{"of the end", stream, []step{textStep("a"), pauseStep(), textStep("b"), doneStep(someUsage)}, 30 * time.Second, 0},
		{"of an error", stream, []step{textStep("a"), pauseStep(), errorStep(truncatedError)}, 30 * time.Second, 1},
		{"of a keep-alive", stream, []step{textStep("a"), pauseStep(), waitStep(100 * time.Second), textStep("b"), pauseStep(), doneStep(someUsage)}, 100 * time.Second, 1},
		{"of a whole answer", question, []step{textStep(big), doneStep(someUsage)}, 30 * time.Second, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, f, l := newTestServer(c.script)
				conn := listenTo(t, s).dial(t)
				send(t, conn, c.body, streamTarget)
				r := bufio.NewReaderSize(conn, 16)
				readUntil(t, r, func(line string) bool { return line == "\r\n" })
				if c.body == stream {
					readUntil(t, r, func(line string) bool { return strings.Contains(line, `"content":"a"`) })
				}
				time.Sleep(c.after - time.Second)
				if n := metricSum(t, s, "achuan_request_duration_seconds_count"); n != 0 {
					t.Fatalf("requests that ended before the deadline = %v, want 0", n)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				checkClientLeft(t, s, f, l, c.left)
			})
		})
	}
}

// A slow reader gets the whole answer, however long that takes.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		big := strings.Repeat("x", 1<<20)
		s, _, _ := newTestServer([]step{textStep(big), doneStep(someUsage)})
		conn := listenTo(t, s).dial(t)
		send(t, conn, question, streamTarget, "Connection: close")
		start, n, p := time.Now(), 0, make([]byte, 16<<10)
		for {
			time.Sleep(5 * time.Second)
			k, err := io.ReadFull(conn, p)
			n += k
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatal(err)
				}
				break
			}
		}
		if took := time.Since(start); n < len(big) || took < 2*time.Minute {
			t.Errorf("read %d bytes in %v, want at least %d in at least 2m0s", n, took, len(big))
		}
	})
}

// The bytes that net/http writes after the handlers have a deadline too.
func TestStalledReaderOfASmallReply(t *testing.T) {
	for name, request := range map[string]string{
		"with a body": written(question, streamTarget),
		"without one": written("", "OPTIONS /v1/models", "Origin: https://chat.example.com", "Access-Control-Request-Method: GET"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := newTestServer(hello, page)
				conn := listenTo(t, s).dial(t)
				if _, err := io.WriteString(conn, request); err != nil {
					t.Fatal(err)
				}
				time.Sleep(31 * time.Second)
				if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
					t.Errorf("ReadAll() = %q, %v, want the end of the connection", got, err)
				}
			})
		})
	}
}

// The deadline of a reply's last write does not apply to the next request of the
// connection.
func TestConnectionIsReusedLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(hello)
		conn := listenTo(t, s).dial(t)
		r := bufio.NewReader(conn)
		for _, body := range []string{question, questionWith(`"stream":true`), question} {
			send(t, conn, body, streamTarget)
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("status = %d, %v, want 200: %s", resp.StatusCode, err, text)
			}
			time.Sleep(100 * time.Second)
		}
	})
}

// It does not apply either to what net/http writes before the handlers.
func TestContinueOnAnOldConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(hello)
		conn := listenTo(t, s).dial(t)
		r := bufio.NewReader(conn)
		for range 2 {
			head, body, _ := strings.Cut(written(question, streamTarget, "Expect: 100-continue"), "\r\n\r\n")
			if _, err := io.WriteString(conn, head+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
				t.Fatalf("ReadString() = %q, %v, want 100 Continue", line, err)
			}
			readUntil(t, r, func(line string) bool { return line == "\r\n" })
			if _, err := io.WriteString(conn, body); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("ReadResponse() = %v, %v, want status 200", resp, err)
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Second)
		}
	})
}
