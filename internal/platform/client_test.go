package platform

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"achuan/internal/chat"

	"github.com/google/go-cmp/cmp"
)

func TestNewErrors(t *testing.T) {
	const good = "https://host.test/api/chat/completions"
	for _, tt := range []struct {
		name, url, jwt, cookie, want string
	}{
		{"no URL", "", testToken, "", "completions URL"},
		{"no host", "https:///api/chat/completions", testToken, "", "completions URL"},
		{"other scheme", "ftp://host.test/api/chat/completions", testToken, "", "completions URL"},
		{"broken", "https://host.test/%zz/chat/completions", testToken, "", "completions URL"},
		{"other path", "https://host.test/api/chat", testToken, "", "must end in /chat/completions"},
		{"slash at the end", good + "/", testToken, "", "must end in /chat/completions"},
		{"query", good + "?x=1", testToken, "", "must end in /chat/completions"},
		{"login", "https://me:secret@host.test/api/chat/completions", testToken, "", "no login"},
		{"no JWT", good, " ", "", "JWT"},
		{"only the scheme", good, "Bearer ", "", "JWT"},
		{"line break in the JWT", good, "secret\r\nX-Evil: 1", "", "JWT"},
		{"blank in the JWT", good, "secret token", "", "JWT"},
		{"line break in the cookie", good, testToken, "secret\n", "cookie"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(Options{CompletionsURL: tt.url, JWT: tt.jwt, Cookie: tt.cookie})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("New = %v, want an error with %q and without a secret", err, tt.want)
			}
		})
	}
}

// receivedRequest is a request as the platform received it.
type receivedRequest struct {
	Line, Body string
	Header     http.Header
}

// recordRequest stores each request and then calls next.
func recordRequest(into *receivedRequest, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*into = receivedRequest{Line: r.Method + " " + r.RequestURI, Body: string(body), Header: r.Header}
		next(w, r)
	}
}

func TestAskRequest(t *testing.T) {
	var got receivedRequest
	srv := httptest.NewServer(recordRequest(&got, replyWith(200, "Text/Event-Stream", deltaEvent("a")+doneEvent)))
	defer srv.Close()
	for _, tt := range []struct {
		name     string
		o        Options
		q        chat.Question
		body     string
		cookie   []string
		wantBase string
	}{
		{name: "plain", o: Options{JWT: testToken}, q: chat.Question{Session: 1000001, Text: "a <b> & \"你\"\n"},
			body: `{"text":"a <b> & \"你\"\n","sessionId":1000001,"files":[]}`, wantBase: "/api"},
		{name: "effort, cookie, scheme before the token", o: Options{JWT: " bearer  " + testToken + "\n", Cookie: "server_name_session=x"},
			q: chat.Question{Session: 7, ReasoningEffort: "high"}, cookie: []string{"server_name_session=x"},
			body: `{"text":"","sessionId":7,"reasoningEffort":"high","files":[]}`, wantBase: "/some/where"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.CompletionsURL = srv.URL + tt.wantBase + "/chat/completions"
			s, err := newTestClient(t, tt.o).Ask(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			want := receivedRequest{Line: "POST " + tt.wantBase + "/chat/completions", Body: tt.body, Header: http.Header{
				"Authorization": {testToken}, "Content-Type": {"application/json"}, "Accept": {"text/event-stream"},
				"Accept-Encoding": {"identity"}, "X-App-Version": {"2.14.0"}, "Origin": {srv.URL}, "Cookie": tt.cookie,
				"Referer": {srv.URL + "/chat?_userMenuKey=chat"}, "User-Agent": {"achuan"}, "Content-Length": got.Header["Content-Length"],
			}}
			if tt.cookie == nil {
				delete(want.Header, "Cookie")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnexpectedEncoding(t *testing.T) {
	_, err := askAndCollect(t, startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		replyWith(200, eventsType, "junk")(w, r)
	}))
	checkError(t, err, wantFailed)
	if _, err := askAndCollect(t, startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "identity")
		replyWith(200, eventsType, deltaEvent("a")+doneEvent)(w, r)
	})); err != nil {
		t.Error(err)
	}
}

// The log shows the calls and their duration, but neither content nor the token.
func TestLog(t *testing.T) {
	var b bytes.Buffer
	srv := httptest.NewServer(replyWith(200, eventsType, sseEvent("junk")+deltaEvent("the answer")+recordEvent("the answer")+doneEvent))
	c := newTestClient(t, Options{
		CompletionsURL: srv.URL + "/api/chat/completions",
		Logger:         slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	s, err := c.Ask(t.Context(), chat.Question{Session: 7, Text: "the question"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collect(t, s); err != nil {
		t.Fatal(err)
	}
	s.Close()
	srv.Close()
	_, _ = c.Models(t.Context())
	for _, want := range []string{
		"method=POST", "endpoint=/chat/completions", "status=200", "duration=", "finish=stop", "endpoint=/chat/tmpl", "error=", "no JSON",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("log = %s\nwant %s in it", b.String(), want)
		}
	}
	for _, secret := range []string{"question", "answer", "junk", testToken} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("log = %s\nwant no %s in it", b.String(), secret)
		}
	}
}
