package httpapi

import (
	"io"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What follows a request whose end is not clear is never read as another request.
func TestUnclearEndsCloseTheConnection(t *testing.T) {
	const next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: smuggled\r\nConnection: close\r\n\r\n"
	post := func(version string, lines ...string) string {
		return "POST /v1/chat/completions HTTP/" + version + "\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
			strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	chunked := strconv.FormatInt(int64(len(question)), 16) + "\r\n" + question + "\r\n0\r\n\r\n"
	for _, c := range []struct {
		name, sent string
		replies    int
		first      string
	}{
		{"length alone", post("1.1", "Content-Length: "+strconv.Itoa(len(question))) + question, 2, "200"},
		{"chunked alone", post("1.1", "Transfer-Encoding: chunked") + chunked, 1, "200"},
		{"length and chunked", post("1.1", "Content-Length: 4", "Transfer-Encoding: chunked") + chunked, 1, "200"},
		{"chunked and length", post("1.1", "Transfer-Encoding: chunked", "Content-Length: 4") + chunked, 1, "200"},
		{"length and empty chunks", post("1.1", "Content-Length: 40", "Transfer-Encoding: chunked") + "0\r\n\r\n", 1, "400"},
		{"HTTP/1.0, chunked", post("1.0", "Connection: keep-alive", "Transfer-Encoding: chunked"), 1, "400"},
		{"HTTP/1.0, length and chunked", post("1.0", "Connection: keep-alive", "Content-Length: "+strconv.Itoa(len(question)), "Transfer-Encoding: chunked") + question, 1, "200"},
		{"HTTP/1.0, length", post("1.0", "Connection: keep-alive", "Content-Length: "+strconv.Itoa(len(question))) + question, 1, "200"},
		{"two lengths", post("1.1", "Content-Length: 4", "Content-Length: 5") + question, 1, "400"},
		{"other coding", post("1.1", "Transfer-Encoding: gzip, chunked") + chunked, 1, "501"},
		{"two codings", post("1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunked, 1, "501"},
		{"blank before the colon", post("1.1", "Content-Length: 4", "Transfer-Encoding : chunked") + chunked, 1, "400"},
		{"odd chunk", post("1.1", "Transfer-Encoding: chunked") + "0x3\r\nabc\r\n0\r\n\r\n", 1, "400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, _ := newTestServer(hello)
			srv := httptest.NewUnstartedServer(s.Handler())
			srv.Config = HTTPServer(s.Handler(), s.opts.Logger)
			srv.Start()
			defer srv.Close()
			got := exchangeRaw(t, srv.Listener.Addr().String(), c.sent+next)
			if n := strings.Count(got, "HTTP/1."); n != c.replies || !strings.HasPrefix(got, "HTTP/1.1 "+c.first) && !strings.HasPrefix(got, "HTTP/1.0 "+c.first) {
				t.Errorf("replies = %d, want %d and status %s first:\n%s", n, c.replies, c.first, got)
			}
			if c.replies == 1 && strings.Contains(got, "smuggled") {
				t.Errorf("replies = %s\nwant none to the bytes after the request", got)
			}
		})
	}
}

// exchangeRaw sends bytes to a server and returns all bytes of its replies.
func exchangeRaw(t *testing.T, address, sent string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, sent); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil && len(got) == 0 {
		t.Fatal(err)
	}
	return string(got)
}
