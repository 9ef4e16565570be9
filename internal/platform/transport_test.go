package platform

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
	"achuan/internal/pipenet"
)

// A question on a connection that the other side closes is not sent again, because it may have
// arrived.
func TestQuestionIsSentOnce(t *testing.T) {
	var questions atomic.Int32
	c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			replyData(`{"models":[]}`)(w, r)
			return
		}
		questions.Add(1)
		closeWithoutReply(w)
	})
	for _, reused := range []bool{false, true} {
		if reused {
			if _, err := c.Models(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		questions.Store(0)
		_, err := askAndCollect(t, c)
		checkError(t, err, chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendUnreachable})
		if n := questions.Load(); n != 1 {
			t.Errorf("with a reused connection (%t) the platform got %d questions, want 1", reused, n)
		}
	}
}

// The transport cannot repeat a request whose body it cannot rewind.
func TestBodyCannotBeRewound(t *testing.T) {
	c := newTestClient(t, Options{CompletionsURL: "http://platform.test/api/chat/completions"})
	req, err := c.request(t.Context(), endpoint{http.MethodPost, "/x", "/x"}, []byte("{}"))
	if err != nil || req.GetBody != nil || req.ContentLength != 2 {
		t.Errorf("request = %+v, %v, want no GetBody", req, err)
	}
}

// closeWithoutReply closes the connection without a reply.
func closeWithoutReply(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// A call that fails on a reused connection is repeated. Any other is not.
func TestCallIsRepeatedOnReusedConnection(t *testing.T) {
	var calls atomic.Int32
	c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			replyData(`{"models":[]}`)(w, r)
		case calls.Add(1) == 1:
			closeWithoutReply(w)
		default:
			replyData(`null`)(w, r)
		}
	})
	if _, err := c.Models(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteSession(t.Context(), 7); err != nil || calls.Load() != 2 {
		t.Errorf("DeleteSession on a reused connection = %v after %d calls, want 2", err, calls.Load())
	}
	calls.Store(0)
	c.Close()
	err := c.DeleteSession(t.Context(), 7)
	checkError(t, err, chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendUnreachable})
	if calls.Load() != 1 {
		t.Errorf("DeleteSession on a new connection made %d calls, want 1", calls.Load())
	}
}

// Neither the question nor the token goes to the target of a redirect.
func TestRedirectIsNotFollowed(t *testing.T) {
	var followed atomic.Bool
	c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			followed.Store(true)
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	want := wantFailed
	want.MaybeAsked = true // the redirect may come from a proxy that has asked
	_, err := askAndCollect(t, c)
	checkError(t, err, want)
	_, err = c.Models(t.Context())
	checkError(t, err, want)
	if followed.Load() {
		t.Error("the client followed a redirect, want an error instead")
	}
}

func TestUnreachable(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	noTLS := httptest.NewServer(nil)
	defer noTLS.Close()
	for name, url := range map[string]string{
		"nobody listens":  closed.URL,
		"no TLS":          strings.Replace(noTLS.URL, "http:", "https:", 1),
		"bad certificate": startTLSServer(t).URL,
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, Options{CompletionsURL: url + "/api/chat/completions"})
			want := chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendUnreachable, NotAsked: true}
			_, err := askAndCollect(t, c)
			checkError(t, err, want)
			_, err = c.CreateSession(t.Context(), "m")
			checkError(t, err, want)
		})
	}
}

func startTLSServer(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		replyWith(200, eventsType, deltaEvent(r.Proto)+recordEvent(r.Proto)+doneEvent)(w, r)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv
}

func TestHTTP2(t *testing.T) {
	srv := startTLSServer(t)
	c := newTestClient(t, Options{CompletionsURL: srv.URL + "/api/chat/completions"})
	c.transport.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for range 3 {
		if got, err := askAndCollect(t, c); err != nil || got.Text != "HTTP/2.0" {
			t.Errorf("answer = %+v, %v, want HTTP/2.0", got, err)
		}
	}
}

// The connection is used again after an answer, although the platform ends the reply a moment
// after the terminator.
func TestConnectionIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, dials := startPipedPlatform(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			replyWith(200, eventsType, deltaEvent("a")+doneEvent)(w, r)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(maxTailWait / 2)
		})
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			s, err := c.Ask(ctx, chat.Question{Session: 7})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := collect(t, s); err != nil {
				t.Fatal(err)
			}
			s.Close()
			cancel()
			time.Sleep(maxTailWait)
			synctest.Wait()
		}
		if n := dials.Load(); n != 1 {
			t.Errorf("5 answers took %d connections, want 1", n)
		}
		time.Sleep(time.Minute) // it has been idle for too long by now
		if _, err := askAndCollect(t, c); err != nil || dials.Load() != 2 {
			t.Errorf("after a minute: %v with %d connections, want 2", err, dials.Load())
		}
		time.Sleep(maxTailWait)
	})
}

// The client does not wait for a reply that never ends after its terminator.
func TestEndlessTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var closedAfter time.Duration
		start := time.Now()
		c, _ := startPipedPlatform(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			replyWith(200, eventsType, deltaEvent("a")+doneEvent)(w, r)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			closedAfter = time.Since(start)
		})
		if _, err := askAndCollect(t, c); err != nil || time.Since(start) != 0 {
			t.Errorf("answer = %v after %v, want no wait", err, time.Since(start))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if closedAfter != maxTailWait {
			t.Errorf("connection closed after %v, want %v", closedAfter, maxTailWait)
		}
	})
}

// startPipedPlatform starts a platform with the handler h inside a synctest bubble. It returns a
// client and the number of its connections.
func startPipedPlatform(t *testing.T, o Options, h http.HandlerFunc) (*Client, *atomic.Int32) {
	t.Helper()
	l := pipenet.Listen()
	srv := &http.Server{Handler: h}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	o.CompletionsURL = "http://platform.test/api/chat/completions"
	c := newTestClient(t, o)
	dials := new(atomic.Int32)
	c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		dials.Add(1)
		return l.Dial(), nil
	}
	return c, dials
}

// A platform may answer before it has read the question to its end. Proxies that
// pass a body on while the answer comes cut such streams now and then.
func TestAnswerBeforeTheQuestionIsRead(t *testing.T) {
	c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		if err := control.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, deltaEvent("early")+recordEvent("early")+doneEvent)
		_ = control.Flush()
		_, _ = io.Copy(io.Discard, r.Body)
	})
	long := strings.Repeat("a long question, ", 4<<10) // more than fits into one write
	const workers, each = 8, 125
	var running sync.WaitGroup
	for range workers {
		running.Go(func() {
			for range each {
				s, err := c.Ask(context.Background(), chat.Question{Session: 7, Text: long})
				if err != nil {
					t.Error(err)
					return
				}
				got, err := collect(t, s)
				_ = s.Close()
				if err != nil || got.Text != "early" || got.Done == nil {
					t.Errorf("answer = %+v, %v, want the whole text %q", got, err, "early")
				}
			}
		})
	}
	running.Wait()
}
