package conversation

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

func code(err error) chat.Code {
	if e, ok := errors.AsType[*chat.Error](err); ok {
		return e.Code
	}
	return ""
}

func TestQueueServesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue[int]
		release, err := q.take(t.Context(), 1, time.Now().Add(maxWait))
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range maxWaiting {
			go func() {
				release, err := q.take(t.Context(), 1, time.Now().Add(maxWait))
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				release()
				release() // a second time changes nothing
			}()
			synctest.Wait()
		}
		if _, err := q.take(t.Context(), 1, time.Now().Add(maxWait)); code(err) != chat.CodeSessionBusy {
			t.Errorf("one more than may wait: %v, want session_busy", err)
		}
		other, err := q.take(t.Context(), 2, time.Now().Add(maxWait))
		if err != nil {
			t.Errorf("another key is held up: %v", err)
		}
		other()
		release()
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served in order %v", order)
			}
		}
		if len(order) != maxWaiting || len(q.lines) != 0 {
			t.Errorf("%d served, %d lines left", len(order), len(q.lines))
		}
	})
}

func TestQueueGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue[int]
		release, _ := q.take(t.Context(), 1, time.Now().Add(maxWait))
		began := time.Now()
		_, err := q.take(t.Context(), 1, time.Now().Add(maxWait))
		if code(err) != chat.CodeSessionBusy || chat.AsError(err).RetryAfter <= 0 {
			t.Errorf("after the longest wait: %v, want session_busy with a Retry-After", err)
		}
		if waited := time.Since(began); waited != maxWait {
			t.Errorf("waited %v, want %v", waited, maxWait)
		}
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		if _, err := q.take(ctx, 1, time.Now().Add(maxWait)); !errors.Is(err, context.Canceled) {
			t.Errorf("whose client left: %v", err)
		}
		release()
		again, err := q.take(t.Context(), 1, time.Now().Add(maxWait))
		if err != nil {
			t.Fatalf("free again: %v", err)
		}
		again()
	})
}
