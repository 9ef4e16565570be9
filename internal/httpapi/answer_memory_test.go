package httpapi

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// growingChat answers each request with pieces of text, and takes memory for each, as the
// platform's client does. It counts the memory that its answers have at once.
type growingChat struct {
	fakeChat

	pieces    int
	pieceCost int64         // bytes of memory
	pause     time.Duration // before each piece

	inUse, maxInUse atomic.Int64
}

func (g *growingChat) Chat(_ context.Context, r *chat.Request) (Answer, error) {
	return &growingAnswer{fakeAnswer{session: 4711, placement: chat.PlacementNew}, g, r.TakeMemory}, nil
}

// growingAnswer is an answer of a growingChat.
type growingAnswer struct {
	fakeAnswer

	g    *growingChat
	take func(int64) error
}

func (a *growingAnswer) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		var taken int64
		defer func() { a.g.inUse.Add(-taken) }()
		for range a.g.pieces {
			time.Sleep(a.g.pause) // of a fake clock
			if err := a.take(a.g.pieceCost); err != nil {
				yield(chat.Event{}, err)
				return
			}
			taken += a.g.pieceCost
			a.g.maxInUse.Store(max(a.g.maxInUse.Load(), a.g.inUse.Add(a.g.pieceCost)))
			if !yield(chat.Event{Kind: chat.EventText, Text: "text "}, nil) {
				return
			}
		}
		yield(chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop}, nil)
	}
}

// Many answers that grow at the same time never get more memory than there is. Some of them
// end with an error, whole and streamed, and the others are complete.
func TestAnswersShareTheBudget(t *testing.T) {
	const total, clients = 32 << 20, 24
	synctest.Test(t, func(t *testing.T) {
		g := &growingChat{pieces: 8, pieceCost: 1 << 20, pause: 100 * time.Millisecond}
		s, _, _ := newTestServer(nil, func(o *Options) { o.Chat, o.BodyMemory = g, total })
		w := listenTo(t, s)
		var complete, refused atomic.Int64
		var asking sync.WaitGroup
		for i := range clients {
			conn := w.dial(t)
			isStream := i%2 == 0
			body := question
			if isStream {
				body = questionWith(`"stream":true`)
			}
			go func() {
				_, _ = io.WriteString(conn, written(body, streamTarget, "Connection: close", "Content-Type: application/json"))
			}()
			asking.Go(func() {
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Error(err)
					return
				}
				data, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Error(err)
				}
				text := string(data)
				isWhole := strings.Count(text, "text ") == g.pieces
				isFailed := strings.Contains(text, `"code":"overloaded"`)
				switch {
				case !isStream && resp.StatusCode == http.StatusOK && isWhole && !isFailed,
					isStream && resp.StatusCode == http.StatusOK && isWhole && !isFailed && strings.HasSuffix(text, "data: [DONE]\n\n"):
					complete.Add(1)
				case !isStream && resp.StatusCode == http.StatusServiceUnavailable && isFailed && resp.Header.Get("Retry-After") != "",
					isStream && resp.StatusCode == http.StatusOK && isFailed && !strings.Contains(text, "[DONE]") &&
						!strings.Contains(text, `"finish_reason":"`):
					refused.Add(1)
				default:
					t.Errorf("reply = %v %s, want a complete answer or overloaded", resp.Status, text)
				}
			})
		}
		asking.Wait()
		if used := g.maxInUse.Load(); used > total || used < total/2 {
			t.Errorf("most bytes in use at once = %d, want %d to %d", used, total/2, total)
		}
		if complete.Load() == 0 || refused.Load() == 0 || complete.Load()+refused.Load() != clients {
			t.Errorf("complete answers = %d, refused = %d, want some of each and %d in all", complete.Load(), refused.Load(), clients)
		}
		synctest.Wait()
		checkUnused(t, s.budget)
	})
}

// The answers that began to wait last fail first, and the others get the memory that these release.
func TestAnswersFailOneAfterAnother(t *testing.T) {
	const total, share = 64 << 20, 14 << 20
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(total)
		var leases []*lease
		for range 4 { // 56 MiB, all that large answers get
			l := b.newLease()
			leases = append(leases, l)
			if err := l.takeForAnswer(share); err != nil {
				t.Fatalf("takeForAnswer() = %v, want nil", err)
			}
		}
		start := time.Now()
		var took [4]time.Duration
		var failed [4]bool
		var growing sync.WaitGroup
		for i, l := range leases {
			growing.Go(func() {
				failed[i] = l.takeForAnswer(share) != nil
				took[i] = time.Since(start)
				l.release()
			})
			synctest.Wait()
		}
		growing.Wait()
		if want := [4]bool{false, false, false, true}; failed != want || took[0] != maxBudgetWait/4 {
			t.Errorf("failed = %v after %v, want only the last to fail, after %v", failed, took, maxBudgetWait/4)
		}
		checkUnused(t, b)
	})
}

// A whole answer keeps less memory while it is sent than while it grows.
func TestSentAnswerShrinks(t *testing.T) {
	g := &growingChat{pieces: 1, pieceCost: 20 << 20}
	s, _, _ := newTestServer(nil, func(o *Options) { o.Chat, o.BodyMemory = g, 32<<20 })
	w := &observingWriter{ResponseRecorder: httptest.NewRecorder(), budget: s.budget}
	s.Handler().ServeHTTP(w, request("POST", "/v1/chat/completions", question))
	if w.Code != http.StatusOK || w.used == 0 || w.used > 64<<10 {
		t.Errorf("status = %d with %d bytes in use while it is sent, want 200 with 1 to %d", w.Code, w.used, 64<<10)
	}
	checkUnused(t, s.budget)
}

// observingWriter remembers how much of a budget was in use while the body was written.
type observingWriter struct {
	*httptest.ResponseRecorder

	budget *budget
	used   int64
}

func (w *observingWriter) Write(p []byte) (int, error) {
	w.used = w.budget.used.Load()
	return w.ResponseRecorder.Write(p)
}
