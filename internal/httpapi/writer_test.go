package httpapi

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// deadlines is a ResponseWriter that records its writes and the time that each of them and
// each flush had.
type deadlines struct {
	*httptest.ResponseRecorder
	writes   []int // sizes
	times    []time.Duration
	deadline time.Time
	set      int // number of deadlines
	takes    time.Duration
	fail     error
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.deadline = at
	d.set++
	return nil
}

func (d *deadlines) Write(p []byte) (int, error) {
	d.writes, d.times = append(d.writes, len(p)), append(d.times, time.Until(d.deadline))
	time.Sleep(d.takes)
	if d.fail != nil {
		return 0, d.fail
	}
	return d.ResponseRecorder.Write(p)
}

func (d *deadlines) Flush() {
	d.times = append(d.times, time.Until(d.deadline))
	d.ResponseRecorder.Flush()
}

// checkTimes checks that each write and flush had at least the timeout, and little more.
func (d *deadlines) checkTimes(t *testing.T, timeout time.Duration) {
	t.Helper()
	for i, got := range d.times {
		if maxTime := timeout + timeout/deadlineSlack; got < timeout || got > maxTime {
			t.Errorf("time of write or flush %d = %v, want %v to %v", i+1, got, timeout, maxTime)
		}
	}
}

func TestWriterGivesEachPieceADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 32 * time.Second
		d := &deadlines{ResponseRecorder: httptest.NewRecorder(), takes: timeout - 1}
		w := newWriter(d, timeout)
		p := bytes.Repeat([]byte("x"), 2*maxWriteSize+1)
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write() = %d, %v, want %d, nil", n, err, len(p))
		}
		if len(d.writes) != 3 || d.writes[2] != 1 || !bytes.Equal(d.Body.Bytes(), p) {
			t.Errorf("writes = %v, want 3, the last of 1 byte", d.writes)
		}
		time.Sleep(time.Hour) // the last deadline passes in the silence
		if err := http.NewResponseController(w).Flush(); err != nil || !d.Flushed {
			t.Errorf("Flush() = %v, want nil and a flush", err)
		}
		if len(d.times) != 4 {
			t.Errorf("writes and flushes = %d, want 4", len(d.times))
		}
		d.checkTimes(t, timeout)
	})
}

// Writes and flushes that follow one another soon share a deadline.
func TestWriterSetsFewDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 32 * time.Second
		d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		w := newWriter(d, timeout)
		for range 1000 {
			if _, err := w.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if err := w.FlushError(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if d.set > 10 {
			t.Errorf("deadlines in 10 s = %d, want at most 10", d.set)
		}
		d.checkTimes(t, timeout)
	})
}

func TestWriterStopsAtAFailure(t *testing.T) {
	d := &deadlines{ResponseRecorder: httptest.NewRecorder(), fail: errors.New("stalled")}
	n, err := newWriter(d, time.Second).Write(make([]byte, 3*maxWriteSize))
	if n != 0 || !errors.Is(err, d.fail) || len(d.writes) != 1 {
		t.Errorf("Write() = %d, %v after %d writes, want 0, %v after 1", n, err, len(d.writes), d.fail)
	}
}

func TestWriterRemembersTheStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*writer)
		want int
	}{
		{"nothing", func(*writer) {}, 0},
		{"interim", func(w *writer) { w.WriteHeader(http.StatusEarlyHints) }, 0},
		{"interim, then final", func(w *writer) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(http.StatusNotFound) }, 404},
		{"the first counts", func(w *writer) { w.WriteHeader(http.StatusNotFound); w.WriteHeader(http.StatusOK) }, 404},
		{"implied by a write", func(w *writer) { _, _ = w.Write(nil) }, 200},
		{"implied by a flush", func(w *writer) { _ = w.FlushError() }, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWriter(httptest.NewRecorder(), time.Second)
			c.do(w)
			if w.status != c.want {
				t.Errorf("status = %d, want %d", w.status, c.want)
			}
		})
	}
}

func TestWriterUnwraps(t *testing.T) {
	inner := httptest.NewRecorder()
	var w any = newWriter(inner, time.Second)
	if got := w.(interface{ Unwrap() http.ResponseWriter }).Unwrap(); got != inner {
		t.Errorf("Unwrap() = %v, want %v", got, inner)
	}
}
