package platform

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testToken is a made-up JWT of user 42 that ends in 2030.
const testToken = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOjQyLCJyb2xlIjoidXNlciIsImV4cCI6MTg5MzQ1NjAwMH0.c2lnbmF0dXJlLW9mLW5vYm9keQ"

// startPlatform starts a platform with the handler h, and returns a client of it.
func startPlatform(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return newTestClient(t, Options{CompletionsURL: srv.URL + "/api/chat/completions"})
}

// newTestClient returns a client with the test's token. The test closes it at its end.
func newTestClient(t testing.TB, o Options) *Client {
	t.Helper()
	if o.JWT == "" {
		o.JWT = testToken
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// replyWith answers every request with the same reply.
func replyWith(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// replyData answers every request with data in an envelope.
func replyData(data string) http.HandlerFunc {
	return replyWith(200, "application/json; charset=utf-8", `{"code":0,"data":`+data+`,"msg":""}`)
}
