package httpapi

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestHTTPServer(t *testing.T) {
	l := new(testLog)
	srv := HTTPServer(http.NotFoundHandler(), l.logger())
	if srv.WriteTimeout != 0 || srv.ReadTimeout != 0 {
		t.Errorf("WriteTimeout = %v, ReadTimeout = %v, want none, because they cut long answers", srv.WriteTimeout, srv.ReadTimeout)
	}
	if srv.ReadHeaderTimeout != 10*time.Second || srv.IdleTimeout != 120*time.Second || srv.MaxHeaderBytes != 64<<10 {
		t.Errorf("limits = %v, %v, %d, want 10s, 2m0s, 65536", srv.ReadHeaderTimeout, srv.IdleTimeout, srv.MaxHeaderBytes)
	}
	srv.ErrorLog.Print("a fault of net/http")
	checkContains(t, "the log", l.String(), "level=WARN", "a fault of net/http")
}

func TestSlowHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(hello)
		conn := listenTo(t, s).dial(t)
		start := time.Now()
		if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: loc"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(conn); err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("ReadAll() = %v after %v, want nil after 10s", err, time.Since(start))
		}
	})
}

// net/http answers this request itself unless it is configured not to.
func TestOptionsOfTheWholeServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(hello)
		conn := listenTo(t, s).dial(t)
		if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		reply, err := io.ReadAll(conn)
		if err != nil {
			t.Fatal(err)
		}
		checkContains(t, "the reply", string(reply), "404 Not Found", `"code":"not_found"`)
	})
}
