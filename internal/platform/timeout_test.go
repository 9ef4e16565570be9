package platform

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"

	"go.uber.org/goleak"
)

// playScript plays an answer: texts are sent at once, durations are waited for, and at
// the end the reply stays open until the client goes.
func playScript(steps ...any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", eventsType)
		for _, step := range steps {
			switch step := step.(type) {
			case string:
				_, _ = io.WriteString(w, step)
				_ = http.NewResponseController(w).Flush()
			case time.Duration:
				select {
				case <-time.After(step):
				case <-r.Context().Done():
				}
			}
		}
		<-r.Context().Done()
	}
}

func TestTimeouts(t *testing.T) {
	const comment = ": still here\n\n"
	// Everything that is not text, reasoning or the record.
	empty := comment + deltaEvent("") + sseEvent("junk") + sseEvent("") + objectEvent(`{"field":"logMap","id":"k1","data":{}}`) + objectEvent(`{"userStop":false}`) +
		sseEvent(`{"type":"stats","data":{"totalToken":3},"code":0}`) + sseEvent(`{"data":null,"code":0}`)
	waits := Options{
		ConnectTimeout: 10 * time.Second, FirstEventTimeout: 180 * time.Second, IdleTimeout: 120 * time.Second,
	}
	short := waits
	short.IdleTimeout = 2 * time.Second
	for _, tt := range []struct {
		name  string
		o     Options
		steps []any
		after time.Duration // when the answer ends
		text  string
		whole bool
	}{
		{"no headers", waits, []any{time.Hour}, 180 * time.Second, "", false},
		{"headers but no event", waits, []any{comment}, 180 * time.Second, "", false},
		{"comments are no events", waits, []any{comment, 100 * time.Second, comment, 70 * time.Second, comment}, 180 * time.Second, "", false},
		{"first event in time", waits, []any{comment, 179 * time.Second, deltaEvent("a") + doneEvent}, 179 * time.Second, "a", true},
		{"silence after text", waits, []any{10 * time.Second, deltaEvent("a")}, 130 * time.Second, "a", false},
		{"comments after text", waits, []any{deltaEvent("a"), 100 * time.Second, comment, 19 * time.Second, comment}, 120 * time.Second, "a", false},
		{"each piece starts the time anew", waits,
			[]any{deltaEvent("a"), 119 * time.Second, deltaEvent("b"), 119 * time.Second, deltaEvent("c") + doneEvent}, 238 * time.Second, "abc", true},
		{"frames without text before text", waits,
			[]any{empty, 100 * time.Second, empty, 79 * time.Second, empty, time.Hour, deltaEvent("a") + doneEvent}, 180 * time.Second, "", false},
		{"frames without text after text", waits,
			[]any{deltaEvent("a"), 100 * time.Second, empty, 19 * time.Second, empty, time.Hour, deltaEvent("b") + doneEvent}, 120 * time.Second, "a", false},
		{"frames without text, and then some in time", waits,
			[]any{empty, 179 * time.Second, deltaEvent("a"), 100 * time.Second, empty, 19 * time.Second, deltaEvent("b") + doneEvent}, 298 * time.Second, "ab", true},
		{"reasoning starts the time anew", waits,
			[]any{deltaEvent("<think>a"), 119 * time.Second, deltaEvent("b"), 119 * time.Second, deltaEvent("</think>c") + doneEvent}, 238 * time.Second, "c", true},
		{"silence after the record", waits, []any{deltaEvent("a") + recordEvent("ab")}, 5 * time.Second, "ab", true},
		{"silence after the record, short", short, []any{deltaEvent("a") + recordEvent("a")}, 2 * time.Second, "a", true},
		{"the end is not put off", waits,
			[]any{recordEvent("a"), 3 * time.Second, recordEvent("a"), 3 * time.Second, objectEvent(`{"id":2}`)}, 5 * time.Second, "a", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := startPipedPlatform(t, tt.o, playScript(tt.steps...))
				start := time.Now()
				got, err := askAndCollect(t, c)
				if took := time.Since(start); took != tt.after {
					t.Errorf("stream ended after %v, want %v", took, tt.after)
				}
				if got.Text != tt.text || (got.Done != nil) != tt.whole {
					t.Errorf("answer = %+v, want %q, whole = %t", got, tt.text, tt.whole)
				}
				if !tt.whole {
					checkError(t, err, wantTimeout)
				}
			})
		})
	}
}

// The time is the platform's: a reader that takes its time loses nothing.
// A model that draws may be silent for five minutes.
func TestDrawingTimeouts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps []any
		after time.Duration
		whole bool
	}{
		{"first event", []any{299 * time.Second, deltaEvent("a") + doneEvent}, 299 * time.Second, true},
		{"between pictures", []any{deltaEvent("a"), 299 * time.Second, deltaEvent("b") + doneEvent}, 299 * time.Second, true},
		{"no first event", []any{time.Hour}, 300 * time.Second, false},
		{"nothing more", []any{deltaEvent("a"), time.Hour}, 300 * time.Second, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := startPipedPlatform(t, Options{}, playScript(tt.steps...))
				start := time.Now()
				s, err := c.Ask(t.Context(), chat.Question{Session: 1, Draws: true})
				for err == nil {
					var ev chat.Event
					if ev, err = s.Next(); ev.Kind == chat.EventDone {
						break
					}
				}
				if after := time.Since(start); (err == nil) != tt.whole || after != tt.after {
					t.Errorf("answer ended after %v with %v, want after %v, whole = %t", after, err, tt.after, tt.whole)
				}
				if s != nil {
					_ = s.Close()
				}
			})
		})
	}
}

func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := startPipedPlatform(t, Options{}, playScript(deltaEvent("a"), deltaEvent("b")+deltaEvent("c"), deltaEvent("d"), recordEvent("abcd")+doneEvent))
		s, err := c.Ask(t.Context(), chat.Question{Session: 7})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		text := ""
		eachEvent(t, s, func(ev chat.Event) {
			text += ev.Text
			time.Sleep(time.Hour)
		})
		if text != "abcd" {
			t.Errorf("text = %q, want %q", text, "abcd")
		}
	})
}

func TestCallTimeout(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"no headers": playScript(time.Hour),
		"no end":     playScript(`{"code":0,`),
	} {
		synctest.Test(t, func(t *testing.T) {
			c, _ := startPipedPlatform(t, Options{}, h)
			start := time.Now()
			_, err := c.Models(t.Context())
			checkError(t, err, wantTimeout)
			if took := time.Since(start); took != callTimeout {
				t.Errorf("%s: Models took %v, want %v", name, took, callTimeout)
			}
		})
	}
}

func TestTLSTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestClient(t, Options{CompletionsURL: "https://platform.test/api/chat/completions", ConnectTimeout: 7 * time.Second})
		here, there := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		c.transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return here, nil }
		start := time.Now()
		_, err := askAndCollect(t, c)
		checkError(t, err, chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendUnreachable, NotAsked: true})
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("connecting failed after %v, want 7s", took)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	shutdown := &chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, Message: "Shutting down.", Cause: context.Canceled}
	for _, tt := range []struct {
		name  string
		cause error
		want  chat.Error
	}{
		{"cancelled", nil, chat.Error{Kind: chat.KindInternal, Code: chat.CodeInternal}},
		{"cancelled for a reason", errors.New("x"), chat.Error{Kind: chat.KindInternal, Code: chat.CodeInternal}},
		{"deadline", context.DeadlineExceeded, wantTimeout},
		{"with an error of ours", shutdown, *shutdown},
	} {
		for stage, steps := range map[string][]any{
			"before the headers": {time.Hour}, "before the first event": {": hi\n\n"}, "in the answer": {deltaEvent("a")},
		} {
			t.Run(tt.name+" "+stage, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, _ := startPipedPlatform(t, Options{}, playScript(steps...))
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(time.Second, func() { cancel(tt.cause) })
					s, err := c.Ask(ctx, chat.Question{Session: 7})
					if err == nil {
						_, err = collect(t, s) // and is never closed
					}
					checkError(t, err, tt.want)
					if tt.cause == shutdown && err != error(shutdown) {
						t.Errorf("error = %v, want the caller's own", err)
					}
				})
			})
		}
	}
}

func TestCanceledCaller(t *testing.T) {
	c := startPlatform(t, func(http.ResponseWriter, *http.Request) { t.Error("the platform got a request, want none") })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Ask(ctx, chat.Question{Session: 7})
	checkError(t, err, chat.Error{Kind: chat.KindInternal, Code: chat.CodeInternal})
	_, err = c.Models(ctx)
	checkError(t, err, chat.Error{Kind: chat.KindInternal, Code: chat.CodeInternal})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want one that wraps context.Canceled", err)
	}
}

// A stream that is closed anywhere, or whose context ends, leaves nothing behind,
// over real connections.
func TestStreamLeaksNothing(t *testing.T) {
	for name, end := range map[string]func(chat.Stream, context.CancelFunc){
		"closed":              func(s chat.Stream, _ context.CancelFunc) { s.Close(); s.Close() },
		"cancelled":           func(_ chat.Stream, cancel context.CancelFunc) { cancel() },
		"cancelled, then not": func(s chat.Stream, cancel context.CancelFunc) { cancel(); s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			c := startPlatform(t, playScript(deltaEvent("a")))
			before := goleak.IgnoreCurrent()
			for range 10 {
				ctx, cancel := context.WithCancel(t.Context())
				s, err := c.Ask(ctx, chat.Question{Session: 7})
				if err != nil {
					t.Fatal(err)
				}
				if ev, err := s.Next(); err != nil || ev.Text != "a" {
					t.Fatalf("Next = %+v, %v, want the text a", ev, err)
				}
				end(s, cancel)
				defer cancel()
			}
			goleak.VerifyNone(t, before)
		})
	}
}
