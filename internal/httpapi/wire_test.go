package httpapi

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"achuan/internal/pipenet"
)

// wire is a listener in memory, so that a server can run in a bubble.
type wire struct{ *pipenet.Listener }

// dial opens a connection to the server, until the test's end.
func (w wire) dial(t *testing.T) net.Conn {
	conn := w.Dial()
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// listenTo serves s on a wire, within a bubble, until the test's end.
func listenTo(t *testing.T, s *Server) wire {
	w := wire{pipenet.Listen()}
	srv := HTTPServer(s.Handler(), s.opts.Logger)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(w)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-ended
		time.Sleep(time.Second) // net/http lets closed connections linger for half of it
	})
	return w
}

// dialTCP serves s on a real port, and opens a connection to it, until the test's end.
func dialTCP(t *testing.T, s *Server) *net.TCPConn {
	t.Helper()
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// send writes a request to c.
func send(t *testing.T, c net.Conn, body string, head ...string) {
	t.Helper()
	if _, err := io.WriteString(c, written(body, head...)); err != nil {
		t.Fatal(err)
	}
}

// written returns the bytes of a request. head has its first line without the version, and
// more lines. With a body, the Content-Length is added.
func written(body string, head ...string) string {
	if body != "" {
		head = append(head, "Content-Length: "+strconv.Itoa(len(body)))
	}
	text := head[0] + " HTTP/1.1\r\nHost: localhost\r\n"
	for _, h := range head[1:] {
		text += h + "\r\n"
	}
	return text + "\r\n" + body
}

// moment is a text that was read, and the time since the start.
type moment struct {
	At   time.Duration
	Text string
}

// readAll reads a stream to its end, and records the time of each SSE block. The headers are
// a moment without text.
func readAll(t *testing.T, c net.Conn, start time.Time) (resp *http.Response, got []moment, err error) {
	t.Helper()
	resp, err = http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, nil, err
	}
	got = append(got, moment{At: time.Since(start)})
	body := bufio.NewReader(resp.Body)
	for block := ""; ; {
		line, err := body.ReadString('\n')
		block += line
		if err != nil {
			return resp, got, err
		}
		if line == "\n" {
			got = append(got, moment{time.Since(start), strings.TrimSuffix(block, "\n\n")})
			block = ""
		}
	}
}

// readUntil reads lines up to the first for which isLast returns true.
func readUntil(t *testing.T, r *bufio.Reader, isLast func(string) bool) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if isLast(line) {
			return
		}
	}
}
