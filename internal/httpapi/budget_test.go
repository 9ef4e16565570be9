package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// outcome is the result of a call of grow and its duration.
type outcome struct {
	ok   bool
	took time.Duration
}

func grow(l *lease, size int64) outcome {
	start := time.Now()
	err := l.grow(context.Background(), size)
	return outcome{err == nil, time.Since(start)}
}

func TestBudget(t *testing.T) {
	const big = 64 << 20
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(big)
		first, second, small := b.newLease(), b.newLease(), b.newLease()
		if got := grow(first, big); got != (outcome{true, 0}) {
			t.Errorf("grow(all) = %v, want it at once", got)
		}
		if b.used.Load() != big-2*big/smallShare {
			t.Errorf("bytes in use = %d, want all but two shares of small requests", b.used.Load())
		}
		if got := grow(small, maxSmallLease); got != (outcome{true, 0}) {
			t.Errorf("grow(small) = %v, want it at once: large requests leave a share free", got)
		}
		if got := grow(second, big/2); got != (outcome{false, maxBudgetWait}) {
			t.Errorf("grow(half) = %v, want a refusal after %v", got, maxBudgetWait)
		}
		time.AfterFunc(time.Second, func() { first.shrink(big / 8) })
		if got := grow(second, big/2); got != (outcome{true, time.Second}) {
			t.Errorf("grow(half) = %v, want it when the first shrinks", got)
		}
		release := first.hold()
		first.release()
		if b.used.Load() == big/2+maxSmallLease {
			t.Errorf("bytes in use = %d, want those of the lease that a turn holds too", b.used.Load())
		}
		release()
		release()
		small.release()
		second.release()
		checkUnused(t, b)
	})
}

// checkUnused checks that no request uses the budget or waits for it.
func checkUnused(t *testing.T, b *budget) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used.Load() != 0 || b.waitingCount.Load() != 0 || len(b.waiting) != 0 {
		t.Errorf("bytes in use at the end = %d with %d waiters, want 0 with 0", b.used.Load(), b.waitingCount.Load())
	}
}

// A request that needs more than there is does not wait until no other is in flight.
func TestBudgetServesTheLargest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(64 << 20)
		small, largest := b.newLease(), b.newLease()
		defer small.release()
		defer largest.release()
		grow(small, maxSmallLease)
		if got := grow(largest, 1<<30); got != (outcome{true, 0}) {
			t.Errorf("grow(more than there is) = %v beside a small request, want it at once", got)
		}
	})
}

// A request that has memory already is served before one that has none, also when it came
// later. A request whose client leaves waits no longer.
func TestBudgetServesHoldersFirst(t *testing.T) {
	const total = 80 << 20
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(total)
		full, newcomer, holder, leaver := b.newLease(), b.newLease(), b.newLease(), b.newLease()
		grow(full, 50<<20)
		grow(holder, 10<<20)
		var order []string
		var mu sync.Mutex
		var waiting sync.WaitGroup
		wait := func(name string, l *lease, size int64) {
			waiting.Go(func() {
				if grow(l, size).ok {
					mu.Lock()
					defer mu.Unlock()
					order = append(order, name)
					time.AfterFunc(time.Second, l.release)
				}
			})
			synctest.Wait()
		}
		wait("newcomer", newcomer, 40<<20)
		gone, leave := context.WithCancel(t.Context())
		waiting.Go(func() {
			if err := leaver.grow(gone, 40<<20); err == nil {
				t.Error("grow() = nil for a client that has left, want an error")
			}
		})
		synctest.Wait()
		wait("holder", holder, 50<<20)
		leave()
		synctest.Wait()
		full.release()
		waiting.Wait()
		if got := fmt.Sprint(order); got != "[holder newcomer]" {
			t.Errorf("order = %s, want [holder newcomer]", got)
		}
		time.Sleep(2 * time.Second)
		leaver.release()
		checkUnused(t, b)
	})
}

// Many requests at once never use more than the budget, and release all of it.
func TestBudgetInParallel(t *testing.T) {
	b := newBudget(32 << 20)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for k := range 50 {
				l := b.newLease()
				size := int64(1) << (10 + (i+k)%14)
				if l.grow(t.Context(), size) == nil && l.grow(t.Context(), 2*size) == nil {
					l.shrink(size)
				}
				release := l.hold()
				l.release()
				release()
			}
		})
	}
	all.Wait()
	checkUnused(t, b)
}

// Large bodies that do not fit together are refused after a short wait, so that clients
// repeat them. Small ones are answered meanwhile. All memory is released.
func TestOverloaded(t *testing.T) {
	for _, coding := range []string{"", "gzip"} {
		t.Run(coding, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := newTestServer([]step{waitStep(20 * time.Second), textStep("Hi"), doneStep(someUsage)}, func(o *Options) { o.BodyMemory = 32 << 20 })
				big := questionWith(`"user":"` + strings.Repeat("x", 500) + `","metadata":{"a":"` + strings.Repeat("x", 500) + `"}`)
				big = strings.Replace(big, `"Hi"`, `"`+strings.Repeat("x", 3<<20)+`"`, 1)
				headers := []string{"Content-Type: application/json"}
				if coding != "" {
					big = compress(t, "gzip", big)
					headers = append(headers, "Content-Encoding: gzip")
				}
				w := listenTo(t, s)
				var got [3]*http.Response
				var took [3]time.Duration
				var asking sync.WaitGroup
				askFor := func(i int, body string, headers ...string) {
					conn, start := w.dial(t), time.Now()
					asking.Go(func() {
						head := append([]string{streamTarget, "Connection: close"}, headers...)
						go func() { _, _ = io.WriteString(conn, written(body, head...)) }()
						resp, _, _ := readAll(t, conn, start)
						got[i], took[i] = resp, time.Since(start)
					})
					synctest.Wait()
				}
				askFor(0, big, headers...)
				askFor(1, big, headers...)
				askFor(2, question)
				asking.Wait()
				for i, want := range []int{200, 503, 200} {
					if got[i] == nil || got[i].StatusCode != want {
						t.Fatalf("reply %d = %v, want status %d", i, got[i], want)
					}
				}
				retry, _ := strconv.Atoi(got[1].Header.Get("Retry-After"))
				if took[1] != maxBudgetWait || retry < 1 || got[1].Header.Get("X-Should-Retry") != "" {
					t.Errorf("503 after %v with Retry-After = %d, want it after %v with 1 or more", took[1], retry, maxBudgetWait)
				}
				synctest.Wait()
				if used := s.budget.used.Load(); used != 0 {
					t.Errorf("bytes in use at the end = %d, want 0", used)
				}
				if n := metricSum(t, s, "achuan_limits_hit_total"); n != 1 {
					t.Errorf("limits hit = %v, want 1", n)
				}
			})
		})
	}
}

// A request releases its memory in whatever way it ends.
func TestMemoryIsReleased(t *testing.T) {
	quota := &chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota, Message: "used up"}
	for name, c := range map[string]struct {
		body   string
		script []step
	}{
		"answered": {question, hello}, "streamed": {questionWith(`"stream":true`), hello}, "not JSON": {"{", nil}, "too large": {strings.Repeat(" ", 70<<10), nil},
		"failed": {question, []step{errorStep(quota)}}, "panic": {question, []step{{panic: "oh my"}}},
	} {
		s, f, _ := newTestServer(c.script, func(o *Options) { o.BodyMemory, o.MaxBody = 32<<20, 64<<10 })
		f.place = func(context.Context) error {
			if s.budget.used.Load() == 0 {
				t.Errorf("%s: bytes in use while the request is placed = 0, want more", name)
			}
			return nil
		}
		serve(s, request("POST", "/v1/chat/completions", c.body))
		if used := s.budget.used.Load(); used != 0 {
			t.Errorf("%s: bytes in use at the end = %d, want 0", name, used)
		}
	}
}
