package httpapi

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// deadlines is a ResponseWriter that records its writes and deadlines.
type deadlines struct {
	*httptest.ResponseRecorder
	writes []int // sizes
	set    []bool
	fail   error
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.set = append(d.set, !at.IsZero())
	return nil
}

func (d *deadlines) Write(p []byte) (int, error) {
	d.writes = append(d.writes, len(p))
	if d.fail != nil {
		return 0, d.fail
	}
	return d.ResponseRecorder.Write(p)
}

func TestWriterGivesEachPieceADeadline(t *testing.T) {
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	w := newWriter(d, time.Second)
	p := bytes.Repeat([]byte("x"), 2*maxWriteSize+1)
	if n, err := w.Write(p); n != len(p) || err != nil {
		t.Fatalf("Write() = %d, %v, want %d, nil", n, err, len(p))
	}
	if len(d.writes) != 3 || len(d.set) != 3 || d.writes[2] != 1 || !bytes.Equal(d.Body.Bytes(), p) {
		t.Errorf("writes = %v with %d deadlines, want 3 with 3, the last of 1 byte", d.writes, len(d.set))
	}
	if err := http.NewResponseController(w).Flush(); err != nil || !d.Flushed {
		t.Errorf("Flush() = %v, want nil and a flush", err)
	}
	if d.set[len(d.set)-1] {
		t.Error("deadline after a flush = true, want none, because the next silence would exceed it")
	}
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
