package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
)

// A round trip begins when the client writes after the server has written, and two writes in a row are one.
func TestRoundTripProxy(t *testing.T) {
	server, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close() //nolint:errcheck // the test has ended
	go echoLines(server)
	proxy, url, err := newRoundTripProxy(t.Context(), "postgres://me@"+server.Addr().String()+"/db?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close() //nolint:errcheck // the test has ended
	if !strings.HasPrefix(url, "postgres://me@127.0.0.1:") || !strings.HasSuffix(url, "/db?sslmode=disable") {
		t.Errorf("newRoundTripProxy() = %s, want the same user, database and options", url)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test has ended
	lines := bufio.NewReader(conn)
	for range 3 {
		for _, part := range []string{"one ", "two\n"} {
			if _, err := fmt.Fprint(conn, part); err != nil {
				t.Fatal(err)
			}
		}
		if line, err := lines.ReadString('\n'); err != nil || line != "one two\n" {
			t.Fatalf("reply = %q, %v; want the line", line, err)
		}
	}
	if got := proxy.trips.Load(); got != 3 {
		t.Errorf("round trips = %d, want 3", got)
	}
	if _, _, err := newRoundTripProxy(t.Context(), "no url"); err == nil {
		t.Error("newRoundTripProxy(no url) = no error, want one")
	}
}

// echoLines replies to each line of one connection.
func echoLines(listener net.Listener) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // the test has ended
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fmt.Fprintf(conn, "%s\n", lines.Text())
	}
}
