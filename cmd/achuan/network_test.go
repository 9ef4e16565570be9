package main

import (
	"bufio"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"syscall"
	"testing"

	"achuan/internal/simulator"
)

// statusOf returns the status of GET url with headers of the form "Name: value".
func statusOf(t *testing.T, url string, headers ...string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(headers, "\n") + "\n\n"
	parsed, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text))).ReadMIMEHeader()
	if err != nil {
		t.Fatal(err)
	}
	req.Header, req.Host = http.Header(parsed), parsed.Get("Host")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// The refusal to serve other machines names two remedies: anonymous access and keys. Both work.
func TestServeNetwork(t *testing.T) {
	t.Run("anonymous", func(t *testing.T) {
		p := start(t, account(t, simulator.Reply{}, "ACHUAN_ALLOW_ANONYMOUS=true"), "serve", "--listen", "0.0.0.0:0")
		for headers, want := range map[string]int{
			"Host: 192.0.2.7:8000": 200, "Host: achuan": 200, "Host: rebound.example": 403, "Origin: http://page.example": 403,
		} {
			if got := statusOf(t, p.url+"/v1/models", headers); got != want {
				t.Errorf("GET /v1/models with %s = %d, want %d", headers, got, want)
			}
		}
	})
	t.Run("keys", func(t *testing.T) {
		p := start(t, account(t, simulator.Reply{}, "ACHUAN_API_KEYS=ada:sk-one,sk-two"), "serve", "--listen", "0.0.0.0:0")
		for headers, want := range map[string]int{
			"Authorization: Bearer sk-one": 200, "x-api-key: sk-two": 200, "api-key: sk-one": 200,
			"Authorization: Bearer sk-three": 401, "Host: any.example": 401,
		} {
			if got := statusOf(t, p.url+"/v1/models", headers); got != want {
				t.Errorf("GET /v1/models with %s = %d, want %d", headers, got, want)
			}
		}
		if got := statusOf(t, p.url+"/v1/models", "Host: any.example", "Origin: http://page.example", "x-api-key: sk-one"); got != 200 {
			t.Errorf("GET /v1/models with a key from another host and origin = %d, want 200", got)
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if got := statusOf(t, p.url+path); got != 200 {
				t.Errorf("GET %s without a key = %d, want 200", path, got)
			}
		}
	})
}

// achuan simulate prints the settings of a server in front of it.
func TestServeInFrontOfSimulate(t *testing.T) {
	platform := start(t, nil, "simulate", "--listen", "127.0.0.1:0", "--pace", "0s")
	p := start(t, []string{<-platform.stdout, <-platform.stdout, "ACHUAN_LISTEN=127.0.0.1:0"}, "serve")
	res, err := http.Post(p.url+"/v1/chat/completions", "application/json", strings.NewReader(streamedQuestion))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
		t.Errorf("answer = %d %s %v, want a whole stream", res.StatusCode, body, err)
	}
	for name, process := range map[string]*process{"serve": p, "simulate": platform} {
		process.signal(t, syscall.SIGTERM)
		if code := process.exitCode(t); code != exitDone {
			t.Errorf("exit code of %s = %d, want 0", name, code)
		}
	}
}
