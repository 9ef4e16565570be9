package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"achuan/internal/chat"
)

func smallBody(o *Options) { o.MaxBody = int64(len(question)) }

func TestBodyCap(t *testing.T) {
	longer := question + " "
	unsized := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) }
	for _, c := range []struct {
		name   string
		body   io.Reader
		status int
		read   bool // whether the server looks at the body at all
	}{
		{"as large as allowed", strings.NewReader(question), 200, true},
		{"as large as allowed, chunked", unsized(question), 200, true},
		{"one byte more", strings.NewReader(longer), 413, false},
		{"one byte more, chunked", unsized(longer), 413, true},
		{"much more", strings.NewReader(strings.Repeat(" ", 1<<20)), 413, false},
		{"much more, chunked", unsized(strings.Repeat(" ", 1<<20)), 413, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f, _ := newTestServer(hello, smallBody)
			srv := httptest.NewServer(s.Handler())
			defer srv.Close()
			for range 2 { // the second request uses the connection of the first
				resp, err := srv.Client().Post(srv.URL+"/v1/chat/completions", "application/json", c.body)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if resp.StatusCode != c.status {
					t.Fatalf("status = %d, want %d: %s", resp.StatusCode, c.status, text)
				}
				if c.status == http.StatusRequestEntityTooLarge {
					checkContains(t, "the body", string(text), append(errorBody(chat.CodeRequestTooLarge), "ACHUAN_MAX_BODY")...)
				}
				resp, err = srv.Client().Get(srv.URL + "/v1/models")
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("next request = %v, %v, want status 200", resp, err)
				}
				resp.Body.Close()
				if c.status == 200 {
					return
				}
				c.body = strings.NewReader(strings.Repeat(" ", 1<<20))
			}
			if len(f.requests) > 0 {
				t.Errorf("requests at the gateway = %d, want 0", len(f.requests))
			}
		})
	}
}

func TestBrokenChunks(t *testing.T) {
	s, _, _ := newTestServer(hello)
	conn := dialTCP(t, s)
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", streamTarget)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusBadRequest || !resp.Close {
		t.Errorf("status = %d with close %v, want 400 and the end of the connection", resp.StatusCode, resp.Close)
	}
	checkContains(t, "the body", string(text), errorBody(chat.CodeInvalidJSON)...)
}
