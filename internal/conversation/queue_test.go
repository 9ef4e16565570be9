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
				release() // has no effect
			}()
			synctest.Wait()
		}
		if _, err := q.take(t.Context(), 1, time.Now().Add(maxWait)); code(err) != chat.CodeSessionBusy {
			t.Errorf("take(…) beyond maxWaiting = %v, want the code %s", err, chat.CodeSessionBusy)
		}
		other, err := q.take(t.Context(), 2, time.Now().Add(maxWait))
		if err != nil {
			t.Errorf("take(…) of another key = %v, want nil at once", err)
		}
		other()
		release()
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("order = %v, want that of the calls", order)
			}
		}
		if len(order) != maxWaiting || len(q.lines) != 0 {
			t.Errorf("queue served %d and has %d lines, want %d and 0", len(order), len(q.lines), maxWaiting)
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
			t.Errorf("take(…) after maxWait = %v, want the code %s with a RetryAfter", err, chat.CodeSessionBusy)
		}
		if waited := time.Since(began); waited != maxWait {
			t.Errorf("take(…) waited %v, want %v", waited, maxWait)
		}
		ctx, leave := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, leave)
		if _, err := q.take(ctx, 1, time.Now().Add(maxWait)); !errors.Is(err, context.Canceled) {
			t.Errorf("take(…) of a client that left = %v, want %v", err, context.Canceled)
		}
		release()
		again, err := q.take(t.Context(), 1, time.Now().Add(maxWait))
		if err != nil {
			t.Fatalf("take(…) after release() = %v, want nil", err)
		}
		again()
	})
}
