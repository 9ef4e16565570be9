package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// The body of a request is not read as the next request of the connection, even if no
// handler read it.
func TestUnreadBodyIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(hello, withKeys)
		conn := listenTo(t, s).dial(t)
		r := bufio.NewReader(conn)
		for _, target := range []string{streamTarget, "GET /v1/models", "GET /healthz", streamTarget} {
			// A pipe has no buffer: the body is written while the reply comes.
			go io.WriteString(conn, written(question, target))
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := 401
			if target == "GET /healthz" {
				want = 200
			}
			if _, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != want {
				t.Fatalf("%s: status = %d, %v, want %d", target, resp.StatusCode, err, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

// net/http reads a body that no handler reads before it sends the reply. A sender that
// has stopped does not delay the reply without limit.
func TestUnreadBodyThatNeverComes(t *testing.T) {
	many := func(o *Options) { o.Chat = manyModels{new(fakeChat)} }
	for _, c := range []struct {
		name   string
		set    func(*Options)
		target string
		max    time.Duration
	}{
		{"small reply", withKeys, streamTarget, 5 * time.Second},
		// The deadlines of the body and of the reply's first write are equal. If the write
		// comes first, net/http waits for the rest of the body once more.
		{"big reply", many, "GET /v1/models", 30*time.Second + remainderTimeout},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := newTestServer(hello, c.set)
				conn := listenTo(t, s).dial(t)
				start := time.Now()
				send(t, conn, "", c.target, "Content-Length: 1000")
				text, err := io.ReadAll(conn)
				if took := time.Since(start); err != nil || took > c.max {
					t.Fatalf("end after %v with %v, want it after at most %v", took, err, c.max)
				}
				if c.max < 30*time.Second { // otherwise the deadline of the reply has passed too
					checkContains(t, "the reply", string(text), "HTTP/1.1 401 ", "Connection: close")
				}
			})
		})
	}
}

func TestSlowBodies(t *testing.T) {
	head := streamTarget + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
	for _, c := range []struct {
		name   string
		size   int           // Content-Length
		piece  int           // bytes in each piece
		every  time.Duration // between pieces
		stops  int           // number of pieces after which no more comes; 0: never
		status int
		after  time.Duration // when the reply comes
	}{
		{"never begins", 1000, 0, time.Hour, 1, 400, 30 * time.Second},
		{"stops", 150_000, 50_000, 25 * time.Second, 2, 400, 55 * time.Second},
		{"drips", 1000, 1, 10 * time.Second, 0, 400, 30 * time.Second},
		{"is slow", 100_000, 2000, time.Second, 0, 200, 49 * time.Second},
		{"has pauses", 100_000, 50_000, 25 * time.Second, 0, 200, 25 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, l := newTestServer(hello)
				conn := listenTo(t, s).dial(t)
				start := time.Now()
				body := question + strings.Repeat(" ", c.size-len(question))
				if _, err := fmt.Fprintf(conn, head, c.size); err != nil {
					t.Fatal(err)
				}
				var dripping sync.WaitGroup
				dripping.Go(func() { drip(conn, body, c.piece, c.every, c.stops) })
				defer dripping.Wait()
				defer func() { _ = conn.Close() }()
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Fatalf("ReadResponse() = %v, want a reply; log:\n%s", err, l)
				}
				text, _ := io.ReadAll(resp.Body)
				took := time.Since(start)
				if resp.StatusCode != c.status || took < c.after || took > c.after+2*time.Second {
					t.Errorf("status = %d after %v, want %d after %v: %s", resp.StatusCode, took, c.status, c.after, text)
				}
				if c.status != 200 {
					checkContains(t, "the body", string(text), errorBody(chat.CodeInvalidJSON)...)
					if !resp.Close {
						t.Error("Close = false, want true")
					}
				}
			})
		})
	}
}

func drip(conn net.Conn, body string, piece int, every time.Duration, stops int) {
	for n := 1; piece > 0 && body != ""; n++ {
		k := min(piece, len(body))
		if _, err := io.WriteString(conn, body[:k]); err != nil || n == stops {
			return
		}
		body = body[k:]
		if body != "" {
			time.Sleep(every)
		}
	}
}

// The deadline of a body ends with the body, so that an answer may take longer.
func TestSlowAnswerAfterABody(t *testing.T) {
	for _, framing := range []string{"sized", "chunked"} {
		t.Run(framing, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := newTestServer([]step{waitStep(10 * time.Minute), textStep("a"), doneStep(someUsage)})
				conn := listenTo(t, s).dial(t)
				if framing == "sized" {
					send(t, conn, question, streamTarget)
				} else {
					fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", streamTarget, len(question), question)
				}
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("ReadResponse() = %v, %v, want status 200", resp, err)
				}
			})
		})
	}
}

// manyModels has so many models that net/http does not buffer the whole reply.
type manyModels struct{ *fakeChat }

func (manyModels) Models(context.Context) []chat.Model {
	return slices.Repeat([]chat.Model{{ID: "model-1"}}, 1000)
}

// The server does not wait for a body whose Content-Length is too large.
func TestTooLargeContentLength(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(hello, smallBody)
		conn := listenTo(t, s).dial(t)
		start := time.Now()
		head := streamTarget + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
		if _, err := io.WriteString(conn, head); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); resp.StatusCode != http.StatusRequestEntityTooLarge || took > 0 || !resp.Close {
			t.Errorf("status = %d after %v with close %v, want 413 at once and the end of the connection", resp.StatusCode, took, resp.Close)
		}
	})
}
